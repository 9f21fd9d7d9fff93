#!/bin/sh
# Makes rpm's database of one small and one large package, as SQLite with rpm's
# own tools, and as Berkeley DB's hash with those of it (Debian: rpm, db5.3-util,
# python3).
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/small.spec" <<SPEC
Name: small
Epoch: 2
Version: 1.5
Release: 3
Summary: A package
License: none
BuildArch: noarch
Requires: /bin/sh
%description
%install
mkdir -p %{buildroot}/usr/share/small/deep
echo one >%{buildroot}/usr/share/small/one
echo two >%{buildroot}/usr/share/small/deep/two
%files
/usr/share/small
SPEC
cat >"$work/large.spec" <<SPEC
Name: large
Version: 0.1
Release: 1
Summary: A package whose header is on many pages
License: none
BuildArch: noarch
%description
%install
mkdir -p %{buildroot}/usr/share/large
for i in \$(seq 300); do echo \$i >%{buildroot}/usr/share/large/file\$i; done
%files
/usr/share/large
SPEC
for name in small large; do
    rpmbuild -bb --quiet --define "_topdir $work" --define "_rpmdir $work" --define "_build_id_links none" "$work/$name.spec"
done
rpm --dbpath "$work/db" --define "_db_backend sqlite" --initdb
rpm --dbpath "$work/db" --define "_db_backend sqlite" --justdb --nodeps --noscripts -i "$work"/noarch/*.rpm
# The same with what is small alone, on small pages, to be fuzzed.
python3 - "$work/db/rpmdb.sqlite" "$work" <<'PY'
import sqlite3, sys
db, work = sys.argv[1:]
rows = sqlite3.connect(db).execute("SELECT hnum, blob FROM Packages ORDER BY length(blob)").fetchall()
for name, rows, size in ("dump", rows, 4096), ("dump.small", rows[:1], 512):
    with open(f"{work}/{name}", "w") as f:
        print(f"VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize={size}\nHEADER=END\n 00000000\n 02000000", file=f)
        for n, blob in rows:
            print(" " + n.to_bytes(4, "little").hex() + "\n " + blob.hex(), file=f)
        print("DATA=END", file=f)
small = sqlite3.connect(f"{work}/small.sqlite")
small.execute("PRAGMA page_size = 512")
small.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
small.execute("INSERT INTO Packages VALUES (?, ?)", rows[0])
small.commit()
PY
db5.3_load -f "$work/dump" "$work/Packages"
db5.3_load -f "$work/dump.small" "$work/small.bdb"
gzip -9nc "$work/db/rpmdb.sqlite" >rpmdb.sqlite.gz
for name in Packages small.bdb small.sqlite; do
    gzip -9nc "$work/$name" >$name.gz
done
