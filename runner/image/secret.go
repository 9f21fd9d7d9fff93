package image

import (
	"regexp"
	"slices"
	"strings"
)

// What looks like a secret in a line of text. The formats are those that their
// issuers document, as secret scanners look for them.
var (
	assignment = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_.-]*)\s?[=:]\s?("[^"]*"|'[^']*'|[^\s"';&|,)]+)`)
	option     = regexp.MustCompile(`--(password|token|api-key|secret|auth-token|hf-token)[= ]("[^"]*"|'[^']*'|[^\s"';&|]+)`)
	inURL      = regexp.MustCompile(`://([^\s/:@"']*:[^\s/@"']+|[A-Za-z0-9_-]{20,})@`)
	header     = regexp.MustCompile(`(?i)authorization:\s*(?:bearer|basic|token)\s+([^\s"']+)`)
	formats    = []struct {
		name string
		re   *regexp.Regexp
	}{
		{"a Hugging Face token", regexp.MustCompile(`\bhf_[A-Za-z0-9]{30,}`)},
		{"a GitHub token", regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})`)},
		{"a GitLab token", regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20,}`)},
		{"an AWS key", regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`)},
		{"an API key", regexp.MustCompile(`\bsk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{32,}`)},
		{"a Google key", regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}`)},
		{"a Slack token", regexp.MustCompile(`\bxox[abprs]-[A-Za-z0-9-]{10,}`)},
		{"an npm token", regexp.MustCompile(`\bnpm_[A-Za-z0-9]{36}`)},
		{"a PyPI token", regexp.MustCompile(`\bpypi-AgEI[A-Za-z0-9_-]{50,}`)},
		{"a signed web token", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}`)},
		{"a private key", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)},
	}
)

// Redacted is a text with all that looks like a secret masked: histories and
// environments are shown to people and pasted into pull requests.
func Redacted(text string) string {
	found := secretsIn(text)
	slices.SortFunc(found, func(a, b hit) int { return a.begin - b.begin })
	var b strings.Builder
	end := 0
	for _, h := range found {
		if h.begin < end {
			end = max(end, h.end) // masked already, as far as it goes
			continue
		}
		b.WriteString(text[end:h.begin])
		b.WriteString("***")
		end = h.end
	}
	return b.String() + text[end:]
}

// RedactedValue is what a variable of this name holds, masked as Redacted does.
func RedactedValue(name, value string) string {
	if IsSecret(name, value) {
		return "***"
	}
	return Redacted(value)
}

// A hit is one secret in a text: what it is called, and where it stands.
type hit struct {
	name       string
	begin, end int
}

func secretsIn(text string) []hit {
	var found []hit
	for _, m := range assignment.FindAllStringSubmatchIndex(text, -1) {
		if name := text[m[2]:m[3]]; IsSecret(name, text[m[4]:m[5]]) {
			found = append(found, hit{name, m[4], m[5]})
		}
	}
	for _, m := range option.FindAllStringSubmatchIndex(text, -1) {
		if name := text[m[2]:m[3]]; secretValue(name, text[m[4]:m[5]]) {
			found = append(found, hit{"--" + name, m[4], m[5]})
		}
	}
	for _, m := range inURL.FindAllStringSubmatchIndex(text, -1) {
		user, password, both := strings.Cut(text[m[2]:m[3]], ":")
		if !both {
			password = user
		}
		if secretValue("", password) {
			found = append(found, hit{"a password in an address", m[2], m[3]})
		}
	}
	for _, m := range header.FindAllStringSubmatchIndex(text, -1) {
		if secretValue("", text[m[2]:m[3]]) {
			found = append(found, hit{"an authorization header", m[2], m[3]})
		}
	}
	for _, f := range formats {
		for _, m := range f.re.FindAllStringIndex(text, -1) {
			found = append(found, hit{f.name, m[0], m[1]})
		}
	}
	return found
}

// IsSecret reports whether a variable of this name and value holds a secret.
func IsSecret(name, value string) bool { return SecretName(name) && secretValue(name, value) }

// switches are first words of names that say whether something is done with a
// secret: USE_AUTH_TOKEN.
var switches = []string{"USE", "ENABLE", "DISABLE", "REQUIRE", "ALLOW"}

// SecretName reports whether variables of this name hold secrets, by its last
// words: TOKENIZERS_PARALLELISM, GPG_KEY and PYTHON_SHA256 do not.
func SecretName(name string) bool {
	words := strings.FieldsFunc(strings.ToUpper(name), func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	if len(words) == 0 || words[0] == "NV" || words[0] == "NVIDIA" && !slices.Contains(words, "API") || slices.Contains(switches, words[0]) {
		return false
	}
	last, before := words[len(words)-1], ""
	if len(words) > 1 {
		before = words[len(words)-2]
	}
	switch last {
	case "PASSWORD", "PASSWD", "PASSPHRASE", "PASS", "SECRET", "APIKEY", "AUTHTOKEN", "ACCESSKEY", "SECRETKEY":
		return true
	case "PWD", "CREDENTIAL", "CREDENTIALS": // alone a folder, and a word of text
		return before != "" && before != "OLD"
	case "TOKEN": // of a tokenizer, not of an account
		return !slices.Contains([]string{"PAD", "EOS", "BOS", "UNK", "SEP", "CLS", "MASK", "STOP", "IMAGE", "AUDIO", "SPECIAL", "EOT", "PER"}, before)
	case "KEY":
		return slices.Contains([]string{
			"API", "ACCESS", "PRIVATE", "SECRET", "ENCRYPTION", "SIGNING", "ACCOUNT", "AUTH", "STORAGE", "MASTER",
			"DEPLOY", "SSH", "SUBSCRIPTION",
		}, before)
	case "ID":
		return before == "KEY" && len(words) > 2 && words[len(words)-3] == "ACCESS"
	}
	return strings.HasSuffix(last, "PASSWORD") // PGPASSWORD
}

// placeholders are values that stand for none.
var placeholders = []string{
	"", "none", "null", "nil", "true", "false", "yes", "no", "on", "off", "unset", "empty", "changeme", "change-me", "change_me",
	"placeholder", "dummy", "example", "todo", "secret", "password", "token", "xxx", "str", "string", "optional", "required",
}

// secretValue reports whether this is a secret itself: no file that holds one,
// no reference to a variable, no placeholder, no code.
func secretValue(name, value string) bool {
	value = strings.Trim(value, `"'`)
	switch {
	case slices.Contains(placeholders, strings.ToLower(value)), strings.Trim(value, "*xX.") == "":
		return false
	case strings.HasPrefix(value, "$"), strings.HasPrefix(value, "`"), strings.HasPrefix(value, "{"), strings.HasPrefix(value, "<"),
		strings.HasPrefix(value, "/"), strings.HasPrefix(value, "./"), strings.HasPrefix(value, "~/"), strings.HasPrefix(value, "%"):
		return false
	case strings.Contains(value, "environ"), strings.Contains(value, "getenv"), strings.HasPrefix(value, "your"), strings.Contains(value, "("):
		return false
	}
	if len(value) < 6 && strings.HasSuffix(strings.ToUpper(name), "TOKEN") {
		return false // a number of tokens, an index
	}
	return true
}
