package app

import (
	"strings"
	"testing"
)

// Whatever file is given as one of the console's, it is a key or a reason, which quotes neither half of a key.
func FuzzKeyFromCSV(f *testing.F) {
	f.Add([]byte("User name,Access key ID,Secret access key\nalice,AKIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"), "alice")
	f.Add([]byte("\ufeffAccess key ID,Secret access key\r\nAKIAIOSFODNN7EXAMPLE,\"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"\r\n"), "")
	f.Add([]byte("User name,Access key ID,Secret access key\na,AKIA1,x\nb,AKIA2,y\n"), "")
	f.Add([]byte("\"a\nb,\x00"), "x")
	f.Fuzz(func(t *testing.T, data []byte, user string) {
		k, err := KeyFromCSV(data, "keys.csv", user)
		if err == nil && (k.ID == "" || k.Secret.IsZero() || strings.ContainsAny(k.ID+k.Secret.Reveal(), " \n\x00")) {
			t.Errorf("%q is %q", data, k.ID)
		}
		rows, _ := csvRows(data)
		for _, r := range rows {
			if secret := r.secret.Reveal(); err != nil && len(secret) > 12 && !strings.Contains(user+r.user, secret) &&
				strings.Contains(err.Error()+Hint(err), secret) {
				t.Errorf("%q is said to be %q", data, err)
			}
		}
	})
}
