package creds

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
)

// AccountOf reads the account out of an access key id: AWS writes it there, in base32
// after the four letters that tell the kind, since 2019. It is "" for an id that is not
// of that form. The id is not verified; only AWS knows whose it is.
func AccountOf(keyID string) string {
	if len(keyID) < 20 || keyID[4] < 'Q' { // ids made before 2019 sort below
		return ""
	}
	b, err := base32.StdEncoding.DecodeString(keyID[4:12])
	if err != nil {
		return ""
	}
	// The account is 40 bits wide and ends seven bits before the end of six bytes;
	// eight characters hold five bytes, the ninth and tenth the rest.
	rest, err := base32.StdEncoding.DecodeString(keyID[12:20])
	if err != nil {
		return ""
	}
	n := binary.BigEndian.Uint64(append([]byte{0, 0}, append(b, rest[0])...))
	return fmt.Sprintf("%012d", n&0x7fffffffff80>>7)
}
