package image

import (
	"fmt"
	"strings"
	"testing"
)

// Made up, in the formats of the real ones. They are put together here, so that
// no scanner takes this file for a leak.
var (
	hfToken     = "hf_" + strings.Repeat("aB3d", 9)
	githubToken = "ghp_" + strings.Repeat("Zx9", 12)
	awsKey      = "AKIA" + "IOSFODNN7EXAMPLQ"
)

func TestSecrets(t *testing.T) {
	env := func(env string) func(b *build) { return func(b *build) { official(b).env(env) } }
	history := func(line string) func(b *build) { return func(b *build) { official(b).step(line) } }
	text := func(path, content string) func(b *build) {
		return func(b *build) { official(b).step("COPY . .").text(path, content) }
	}
	file := func(path string) func(b *build) {
		return func(b *build) { official(b).step("COPY . .").file(path, 100) }
	}
	examine(t, "secrets", []example{
		{name: "environment", image: env("HF_TOKEN=" + hfToken), says: []string{"ENV: HF_TOKEN"}},
		{name: "password", image: env("POSTGRES_PASSWORD=hunter22"), says: []string{"ENV: POSTGRES_PASSWORD"}},
		{name: "access key", image: env("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG"), says: []string{"AWS_SECRET_ACCESS_KEY"}},
		{name: "address", image: env("DATABASE_URL=postgres://user:hunter22@db:5432/x"), says: []string{"ENV DATABASE_URL: a password in an address"}},
		{name: "format", image: env("THING=" + githubToken), says: []string{"ENV THING: a GitHub token"}},
		{name: "build argument", image: history("RUN |2 HF_TOKEN=" + hfToken + " DEBIAN_FRONTEND=noninteractive /bin/sh -c pip install torch==2.3.0 # buildkit"), says: []string{"build argument: HF_TOKEN"}},
		{name: "classic build argument", image: history("|1 NPM_TOKEN=0123456789abcdef /bin/sh -c npm ci"), says: []string{"build argument: NPM_TOKEN"}},
		{name: "clone", image: history("RUN /bin/sh -c git clone https://oauth2:" + githubToken + "@github.com/a/b # buildkit"), says: []string{"a password in an address"}},
		{name: "header", image: history("RUN /bin/sh -c curl -H 'Authorization: Bearer abcdef123456' https://x # buildkit"), says: []string{"an authorization header"}},
		{name: "login", image: history("RUN /bin/sh -c huggingface-cli login --token abcdef1234567 # buildkit"), says: []string{"--token"}},
		{name: "key in a script", image: history("RUN /bin/sh -c aws configure set aws_access_key_id " + awsKey), says: []string{"an AWS key"}},
		{name: ".env", image: text("app/.env", "PORT=8000\nOPENAI_API_KEY=abcdef123456\n"), says: []string{"app/.env"}},
		{name: "ssh key", image: file("root/.ssh/id_ed25519"), says: []string{"root/.ssh/id_ed25519"}},
		{name: "aws", image: file("root/.aws/credentials"), says: []string{".aws/credentials"}},
		{name: "npmrc", image: text("root/.npmrc", "//npm.example.com/:_authToken=0123456789abcdef\n")},
		{name: "netrc", image: text("root/.netrc", "machine x login y password z\n")},
		{name: "pypirc", image: text("home/app/.pypirc", "[pypi]\nusername = __token__\npassword = abc\n")},
		{name: "pip.conf", image: text("etc/pip.conf", "[global]\nindex-url = https://u:hunter22@pypi.internal/simple\n")},
		{name: "hub token", image: file("root/.cache/huggingface/token")},
		{name: "removed later", image: func(b *build) {
			official(b).step("COPY . .").text("app/.env", "API_KEY=abcdef123456\n").step("RUN rm .env").gone("app/.env")
		}, says: []string{"layer 4 replaces or removes it"}},

		{name: "official images", image: func(b *build) { official(b) }, none: true},
		{name: "cuda", image: env("NV_LIBNCCL_PACKAGE=libnccl2=2.21.5-1+cuda12.4"), none: true},
		{name: "required", image: env(`NVIDIA_REQUIRE_CUDA=cuda>=12.4 brand=tesla,driver>=470,driver<471`), none: true},
		{name: "tokenizers", image: env("TOKENIZERS_PARALLELISM=false"), none: true},
		{name: "number of tokens", image: env("MAX_TOKEN=4096"), none: true},
		{name: "special token", image: env("EOS_TOKEN=<|endoftext|>"), none: true},
		{name: "file", image: env("DB_PASSWORD=/run/secrets/db"), none: true},
		{name: "its file", image: env("DB_PASSWORD_FILE=hunter22"), none: true},
		{name: "empty", image: env("HF_TOKEN="), none: true},
		{name: "placeholder", image: env("DB_PASSWORD=changeme"), none: true},
		{name: "agent", image: env("SSH_AUTH_SOCK=/tmp/agent"), none: true},
		{name: "secret mount", image: history("RUN /bin/sh -c HF_TOKEN=$(cat /run/secrets/hf) python fetch.py # buildkit"), none: true},
		{name: "reference", image: history("RUN |1 UID=1000 /bin/sh -c TOKEN=\"$TOKEN\" python -c \"login(token=os.environ['T'])\" # buildkit"), none: true},
		{name: "user of an address", image: history("RUN /bin/sh -c git clone ssh://git@github.com/a/b # buildkit"), none: true},
		{name: "checksum", image: history("ENV PYTHON_GET_PIP_SHA256=96461deced5c2a487ddc65207ec5a9cffeca0d34e7af7ea1afc470ff0d746207"), none: true},
		{name: ".env of settings", image: text("app/.env", "PORT=8000\nLOG_LEVEL=info\nTOKENIZERS_PARALLELISM=false\n"), none: true},
		{name: ".env.example", image: text("app/.env.example", "OPENAI_API_KEY=abcdef123456\n"), none: true},
		{name: "public key", image: file("root/.ssh/id_rsa.pub"), none: true},
		{name: "known hosts", image: file("root/.ssh/known_hosts"), none: true},
		{name: "settings of npm", image: text("app/.npmrc", "package-lock=false\n"), none: true},
		{name: "settings of pip", image: text("etc/pip.conf", "[global]\nbreak-system-packages = true\n"), none: true},
		{name: "a package's certificates", image: func(b *build) {
			official(b).pip("usr/local/lib/python3.11/site-packages", "certifi", "2024.2.2", map[string]int64{"certifi/cacert.pem": 290_000})
		}, none: true},
	})
}

// TestSecretsStayOut looks for the values in all that findings say.
func TestSecretsStayOut(t *testing.T) {
	b := official(new(build)).env("HF_TOKEN="+hfToken, "DB=postgres://u:hunter22@db/x")
	b.config.Run.WorkingDir = "/app"
	b.config.Run.Cmd = []string{"serve", "--token=" + githubToken}
	b.step("COPY . .").file("app/app.py", 100).file("app/data", 10*mb)
	b.step("RUN |1 HF_TOKEN=" + hfToken + " /bin/sh -c pip install git+https://x:hunter22@github.com/a/b torch && curl -H 'Authorization: Bearer " + githubToken + "' x # buildkit")
	b.pip("usr/local/lib/python3.11/site-packages", "torch", "2.3.0", map[string]int64{"torch/lib/x.so": 50 * mb}).file("app/data", 10*mb)
	b.text("usr/local/lib/python3.11/site-packages/b-1.dist-info/METADATA", "Name: b\nVersion: 1\n")
	b.text("usr/local/lib/python3.11/site-packages/b-1.dist-info/direct_url.json",
		`{"url": "https://x:hunter22@github.com/a/b", "vcs_info": {"vcs": "git", "commit_id": "abc", "requested_revision": "main"}}`)
	all := b.check()
	wants(t, all, "secrets", true)
	wants(t, all, "cache-order", true)
	wants(t, all, "unpinned", true)
	for _, secret := range []string{hfToken, githubToken, "hunter22"} {
		if strings.Contains(fmt.Sprint(all), secret) {
			t.Errorf("%s is shown in %v", secret, all)
		}
	}
}

func TestRedacted(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"RUN pip install numpy==1.26.4", "RUN pip install numpy==1.26.4"},
		{"|1 HF_TOKEN=abcdefgh X=1 /bin/sh -c true", "|1 HF_TOKEN=*** X=1 /bin/sh -c true"},
		{"curl https://u:hunter22@h/x?y", "curl https://***@h/x?y"},
		{"PIP_INDEX_URL=https://u:hunter22@h A_PASSWORD='x y z'", "PIP_INDEX_URL=https://***@h A_PASSWORD=***"},
		{"echo " + hfToken + "!", "echo ***!"},
		{"TOKEN=" + hfToken, "TOKEN=***"},
	} {
		if got := Redacted(c.text); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestInstruction(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"/bin/sh -c #(nop) COPY dir:cef3930c in /app ", "COPY dir:cef3930c in /app"},
		{"/bin/sh -c #(nop)  CMD [\"bash\"]", "CMD [\"bash\"]"},
		{"/bin/sh -c apt-get update", "RUN apt-get update"},
		{"|2 A=b C=d e /bin/sh -c pip install x", "RUN pip install x"},
		{"RUN /bin/sh -c pip install x # buildkit", "RUN pip install x"},
		{"RUN |1 A=b /bin/bash -o pipefail -c x # buildkit", "RUN x"},
		{"/bin/bash -eo pipefail -c x", "RUN x"},
		{"RUN |1 A=b /bin/bash -c x # buildkit", "RUN x"},
		{"COPY . . # buildkit", "COPY . ."},
		{"RUN pip install x", "RUN pip install x"},
		{"bazel build ...", "bazel build ..."},
		{"", ""},
	} {
		if got := Instruction(c.line); got != c.want {
			t.Errorf("%q is %q, want %q", c.line, got, c.want)
		}
	}
}

func TestRedactedValue(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"API_TOKEN", "hunter2 and more", "***"},
		{"VERSION", "1.2", "1.2"},
		{"INDEX", "https://me:hunter22@example.com/simple", "https://***@example.com/simple"},
	} {
		if got := RedactedValue(c.name, c.value); got != c.want {
			t.Errorf("%s=%s: %q, want %q", c.name, c.value, got, c.want)
		}
	}
}
