package gpu

// shipped are the drivers that NVIDIA packs with each toolkit: the oldest that
// offer its CUDA version themselves. From "CUDA Toolkit and Corresponding Driver
// Versions" (Linux x86_64, first release of each minor version) in the CUDA
// Toolkit release notes for 13.1; 13.2 and 13.3 from the same table of theirs,
// as others cite it. 12.7 had no toolkit of its own: its drivers are branch 565.
var shipped = []struct {
	cuda   CUDA
	driver Driver
}{
	{CUDA{13, 3}, driver("610.43.02")},
	{CUDA{13, 2}, driver("595.45.04")},
	{CUDA{13, 1}, driver("590.44.01")},
	{CUDA{13, 0}, driver("580.65.06")},
	{CUDA{12, 9}, driver("575.51.03")},
	{CUDA{12, 8}, driver("570.26")},
	{CUDA{12, 7}, driver("565.57.01")},
	{CUDA{12, 6}, driver("560.28.03")},
	{CUDA{12, 5}, driver("555.42.02")},
	{CUDA{12, 4}, driver("550.54.14")},
	{CUDA{12, 3}, driver("545.23.06")},
	{CUDA{12, 2}, driver("535.54.03")},
	{CUDA{12, 1}, driver("530.30.02")},
	{CUDA{12, 0}, driver("525.60.13")},
	{CUDA{11, 8}, driver("520.61.05")},
	{CUDA{11, 7}, driver("515.43.04")},
	{CUDA{11, 6}, driver("510.39.01")},
	{CUDA{11, 5}, driver("495.29.05")},
	{CUDA{11, 4}, driver("470.42.01")},
	{CUDA{11, 3}, driver("465.19.01")},
	{CUDA{11, 2}, driver("460.27.03")},
	{CUDA{11, 1}, driver("455.23")},
	{CUDA{11, 0}, driver("450.51.05")},
	{CUDA{10, 2}, driver("440.33")},
	{CUDA{10, 1}, driver("418.39")},
	{CUDA{10, 0}, driver("410.48")},
}

// leastOfMajor are the drivers from which on every toolkit of a major version
// runs, with limited features ("CUDA Toolkit and Minimum Required Driver Version
// for CUDA Minor Version Compatibility" in the release notes). For 13.x they say
// 580 and no more.
var leastOfMajor = map[int]Driver{
	13: {text: "580", n: [3]int{580}},
	12: driver("525.60.13"),
	11: driver("450.80.02"),
}

// ShippedWith is the driver that came with a toolkit; ok is false where that is
// not known here.
func ShippedWith(c CUDA) (d Driver, ok bool) {
	for _, s := range shipped {
		if s.cuda == c {
			return s.driver, true
		}
	}
	return Driver{}, false
}

// LeastDriver is the oldest driver on which a CUDA version runs without more,
// be it by minor-version compatibility; ok is false where that is not known.
// Before CUDA 11 there was no such compatibility.
func LeastDriver(c CUDA) (d Driver, ok bool) {
	own, ok := ShippedWith(c)
	if d, all := leastOfMajor[c.Major]; all && (!ok || d.Compare(own) < 0) {
		return d, true
	}
	return own, ok
}

// Offered is the CUDA version that drivers of a branch offer. Least says that
// the branch is newer than all that are known here, so that it is at least this;
// ok is false where the branch is older.
func Offered(d Driver) (c CUDA, least, ok bool) {
	if !d.Known() {
		return CUDA{}, false, false
	}
	for i, s := range shipped {
		if d.Branch() >= s.driver.Branch() {
			return s.cuda, i == 0 && d.Branch() > s.driver.Branch(), true
		}
	}
	return CUDA{}, false, false
}
