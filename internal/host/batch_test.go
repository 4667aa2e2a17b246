package host

import "testing"

func TestABatchFileGetsItsArgumentsAsTheyAre(t *testing.T) {
	for _, c := range []struct{ name, arg, want string }{
		{"plain", `a-b_c.d/e:f`, `a-b_c.d/e:f`},
		{"empty", ``, `""`},
		{"a space", `a b`, `"a b"`},
		{"and", `a&calc`, `"a&calc"`},
		{"a pipe and a caret", `x^y|z`, `"x^y|z"`},
		{"quotes", `b"&calc&"`, `"b""&calc&"""`},
		{"a backslash before a quote", `a\"b`, `"a\\""b"`},
		{"a backslash at the end", `C:\a b\`, `"C:\a b\\"`},
		{"a backslash inside", `C:\a\b`, `C:\a\b`},
		{"a variable", `%AWS_SECRET_ACCESS_KEY%`, `"%%cd:~,%AWS_SECRET_ACCESS_KEY%%cd:~,%"`},
		{"redirection", `>out`, `">out"`},
		{"delimiters of batch files", `a,b;c=d`, `"a,b;c=d"`},
		{"letters beyond ASCII", `Zoë`, `Zoë`},
		{"an exclamation mark", `a!b`, `"a!b"`},
	} {
		got, err := batchLine(`C:\my tools\x.cmd`, []string{c.arg, "z"})
		if want := `cmd.exe /e:ON /v:OFF /d /c ""C:\my tools\x.cmd" ` + c.want + ` z"`; err != nil || got != want {
			t.Errorf("%s: %s, %v\nwant %s", c.name, got, err, want)
		}
	}
	for _, arg := range []string{"a\nb", "a\rb", "a\x00b"} {
		if line, err := batchLine(`x.bat`, []string{arg}); err == nil {
			t.Errorf("%q was written: %s", arg, line)
		}
	}
	if line, err := batchLine(`a"&calc&".bat`, nil); err == nil {
		t.Errorf("a name that no file has was written: %s", line)
	}
}

func TestACommandLineForTheSystemsShellKeepsItsQuotes(t *testing.T) {
	if got, want := shellLine(`echo "a b" & exit 3`), `cmd.exe /s /c "echo "a b" & exit 3"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestABatchFileIsKnownByItsName(t *testing.T) {
	for path, is := range map[string]bool{
		`x.bat`: true, `C:\a\X.CMD`: true, `x.bat. .`: true, `x.cmd `: true, `x.exe`: false, `x`: false, `bat`: false, `a.bat\x`: false, `x.bat.exe`: false,
	} {
		if isBatch(path) != is {
			t.Errorf("%q: %v", path, !is)
		}
	}
}
