package store

// This file is the table of back ends: one entry each, with every fact that other code
// asks for. docs/adding-a-backend.md says how to add one.

import (
	"context"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/d44b7504/vault/internal/creds"
)

// Backend is one entry of the table: what is known of a way to keep secrets. The zero
// value is not a back end.
type Backend struct {
	// Name is what --backend and AWS_VAULT_BACKEND take.
	Name string
	// systems says on which operating systems it exists; nil is on all of them.
	systems systems
	// automatic says on which of them Open may choose it; elsewhere, and where it is nil,
	// it has to be named.
	automatic systems

	// Settings are its options. At most one of them is its place.
	Settings []Setting
	// PlaceNamesIt says that who sets the place means this back end.
	PlaceNamesIt bool
	// Passphrase is the one that this program asks for and opens it with. Its zero value
	// is for a back end that asks by itself or needs none.
	Passphrase Passphrase
	// shared says whether other programs' items can be among the names it lists; nil is
	// never.
	shared func(Options) bool
	// readItem is set where other programs' items, or entries of the person's own, can have
	// the names of this program's. Such an item is not written over or deleted.
	readItem itemReader

	// AWSVault says that AWS Vault reads and writes the same items.
	AWSVault bool
	// Volatile says that a restart of the machine loses every item.
	Volatile bool
	// WeakPassphrase says that the key is derived from the passphrase so fast that a
	// short one can be guessed by whoever has the items.
	WeakPassphrase bool
	// AsksPerItem says that each read may need a person, and not the first one alone.
	AsksPerItem bool
	// asksItself says that a program reads the items, which asks the person by itself and
	// remembers the answer for as long as it likes.
	asksItself bool
	// environment says that variables of that program's own decide where the items are.
	environment bool
	// StoresUnasked says that an item is stored without what it takes to read it: to read
	// it back may need a person where to store it needed none.
	StoresUnasked bool
	// otherWrites returns the directory in which another program writes the items, and does
	// not wait until they are on the disk; nil where Put has waited for that, and where there
	// is not a disk.
	otherWrites func(Options) string
	// work is how long one call may take by its own work, without waiting for anyone.
	work time.Duration

	// Readers says who can read the items, as the end of a sentence.
	Readers string

	// open checks that the back end can be used, as cheaply as that can be known. It heeds
	// ctx where it can and is abandoned where it cannot. It is nil on other systems.
	open opener
	// known is set where the names of long-lived items are encrypted too. It returns which
	// of names have an item, and how many more items there are, and decrypts nothing.
	known func(ctx context.Context, d driver, names []string) (there []string, others int, err error)
	// check is set where Check has more to look at than each item by itself, and replaces it.
	check func(ctx context.Context, d driver) (CheckReport, error)
	// recipients is set where items are encrypted to recipients, whom it lists.
	recipients func(d driver) ([]AgeRecipient, error)
}

// opener opens a back end. chosen is false when the user named it.
type opener func(ctx context.Context, o Options, chosen bool) (driver, error)

// Setting is one option of a back end: a flag, a variable and a field of Options.
type Setting struct {
	Flag, Variable, Usage string
	// Kind says what the value has to do with the place where the items are.
	Kind Kind
	// Placeholder stands for the value in a usage line.
	Placeholder string
	// Default is the value of an empty field. defaultVariable, a variable of another
	// program, goes before it.
	Default, defaultVariable string
	// Value is the field.
	Value func(*Options) *string
}

// Kind is what a setting has to do with the place where a back end keeps its items.
type Kind int

// The kinds of settings. Named, Folder and OwnFolder are the place.
const (
	Other     Kind = iota // a value that has nothing to do with the place
	File                  // a file, that has nothing to do with the place either
	Named                 // the place has this name: a collection, a keychain, a program
	Folder                // the place is this folder of another program
	OwnFolder             // the place is this folder, and only this program's items are in it
	Subfolder             // the items are below this folder of the place
)

func (k Kind) isPlace() bool  { return k == Named || k.isFolder() }
func (k Kind) isFolder() bool { return k == Folder || k == OwnFolder }

// Passphrase is where the passphrase of a back end comes from.
type Passphrase struct {
	Variable string
	Value    func(*Options) **creds.Secret
}

// GivenPassphrase is the passphrase that o has for this back end, nil if it has none.
func (b Backend) GivenPassphrase(o Options) *creds.Secret {
	if b.Passphrase.Value == nil {
		return nil
	}
	return *b.Passphrase.Value(&o)
}

// systems tells operating systems, by their names in Go.
type systems func(goos string) bool

func everywhere(string) bool { return true }

func on(names ...string) systems {
	return func(goos string) bool { return slices.Contains(names, goos) }
}

func notOn(names ...string) systems {
	return func(goos string) bool { return !slices.Contains(names, goos) }
}

// table has the back ends in the order in which they are tried. keyctl is never chosen,
// since it would lose a key without a word; a helper has to be named; age is not needed
// where every machine has a keyring of its own.
var table = []Backend{
	{
		Name: "keychain", systems: on("darwin"), automatic: everywhere, open: openKeychain,
		Settings: []Setting{{
			Flag: "keychain", Variable: "AWS_VAULT_KEYCHAIN_NAME", Usage: "name of the macOS keychain",
			Kind: Named, Placeholder: "NAME", Default: serviceName, Value: func(o *Options) *string { return &o.KeychainName },
		}},
		AWSVault: true, AsksPerItem: true, otherWrites: keychainFolder,
		Readers: "a program that a person allows to, while the keychain is unlocked",
	},
	{
		Name: "wincred", systems: on("windows"), automatic: everywhere, open: openWincred,
		AWSVault: true,
		Readers:  "every program of this Windows user",
	},
	{
		Name: "secret-service", systems: on("linux"), automatic: everywhere, open: openSecretService,
		Settings: []Setting{{
			Flag: "secret-service-collection", Variable: "AWS_VAULT_SECRET_SERVICE_COLLECTION_NAME", Usage: "collection of the Secret Service",
			Kind: Named, Placeholder: "COLLECTION", Default: defaultCollection, Value: func(o *Options) *string { return &o.Collection },
		}},
		// A collection that people name is most often "login", with the passwords of all programs.
		shared:   func(o Options) bool { return o.Collection != defaultCollection },
		readItem: readItem,
		AWSVault: true, otherWrites: homeFolder,
		Readers: "every program of this user, while the collection is unlocked",
	},
	{
		Name: "kwallet", systems: on("linux"), automatic: everywhere, open: openKWallet,
		AWSVault: true, otherWrites: homeFolder,
		Readers: "every program that the wallet admits, while it is open",
	},
	{
		Name: "pass", systems: notOn("windows"), automatic: everywhere, open: openPass,
		Settings: []Setting{
			{
				Flag: "pass-dir", Variable: "AWS_VAULT_PASS_PASSWORD_STORE_DIR", Usage: "directory of pass",
				Kind: Folder, Placeholder: "/some/folder", Default: "~/.password-store", defaultVariable: "PASSWORD_STORE_DIR", Value: func(o *Options) *string { return &o.PassDir },
			},
			{
				Flag: "pass-cmd", Variable: "AWS_VAULT_PASS_CMD", Usage: "the pass program",
				Default: "pass", Value: func(o *Options) *string { return &o.PassCmd },
			},
			{
				Flag: "pass-prefix", Variable: "AWS_VAULT_PASS_PREFIX", Usage: "prefix of the names in pass",
				Kind: Subfolder, Value: func(o *Options) *string { return &o.PassPrefix },
			},
		},
		shared:     func(o Options) bool { return o.PassPrefix == "" },
		readItem:   readItem,
		asksItself: true, AWSVault: true, AsksPerItem: true, otherWrites: passFolder,
		Readers: "whoever has one of the gpg keys that .gpg-id names",
	},
	{
		Name: "age", automatic: notOn("darwin", "windows"), open: openAge,
		Settings: []Setting{
			{
				Flag: "age-dir", Variable: "AWS_VAULT_AGE_DIR", Usage: "directory of the age back end",
				Kind: OwnFolder, Placeholder: "/some/folder", Default: "~/.awsvault/age/", Value: func(o *Options) *string { return &o.AgeDir },
			},
			{
				Flag: "age-identity", Variable: "AWS_VAULT_AGE_IDENTITY", Usage: "file with the age identity that decrypts",
				Kind: File, Value: func(o *Options) *string { return &o.AgeIdentity },
			},
		},
		Passphrase: Passphrase{"AWS_VAULT_AGE_PASSPHRASE", func(o *Options) **creds.Secret { return &o.AgePassphrase }},
		// A passphrase is costly to try on purpose, and takes longer on a slow machine or when
		// the identity was made by a program that asks for more work.
		AsksPerItem: true, StoresUnasked: true, work: time.Minute,
		known: func(ctx context.Context, d driver, names []string) ([]string, int, error) {
			return d.(*ageFiles).known(ctx, names)
		},
		check: func(ctx context.Context, d driver) (CheckReport, error) {
			return (&AgeStore{d.(*ageFiles)}).Check(ctx)
		},
		recipients: func(d driver) ([]AgeRecipient, error) {
			all, _, err := (&AgeStore{d.(*ageFiles)}).Recipients()
			return all, err
		},
		Readers: "whoever has the identity of a recipient",
	},
	{
		Name: "file", automatic: everywhere, open: openFiles,
		Settings: []Setting{{
			Flag: "file-dir", Variable: "AWS_VAULT_FILE_DIR", Usage: "directory of the file back end",
			Kind: OwnFolder, Placeholder: "/some/folder", Default: "~/.awsvault/keys/", Value: func(o *Options) *string { return &o.FileDir },
		}},
		Passphrase: Passphrase{"AWS_VAULT_FILE_PASSPHRASE", func(o *Options) **creds.Secret { return &o.FilePassphrase }},
		AWSVault:   true, WeakPassphrase: true,
		Readers: "whoever has the passphrase",
	},
	{
		Name: "helper", open: openHelper,
		Settings: []Setting{{
			Flag: "helper", Variable: "AWS_VAULT_HELPER", Usage: "NAME of the program docker-credential-NAME",
			Kind: Named, Placeholder: "NAME", Value: func(o *Options) *string { return &o.Helper },
		}},
		PlaceNamesIt: true, AsksPerItem: true, otherWrites: helperFolder, asksItself: true, environment: true,
		Readers: "every program of this user that runs the helper, as far as the helper allows",
	},
	{
		Name: "keyctl", systems: on("linux"), open: openKeyctl,
		Volatile: true,
		Readers:  "every process of this user, until the machine restarts",
	},
}

// Lookup returns the entry of a back end, of this system or another one.
func Lookup(name string) (Backend, bool) {
	i := slices.IndexFunc(table, func(b Backend) bool { return b.Name == name })
	if i < 0 {
		return Backend{}, false
	}
	return table[i], true
}

// All returns the entries of the back ends of this system: first those that Open may
// choose, in the order in which it tries them, then those that have to be named.
func All() []Backend {
	var automatic, named []Backend
	for _, b := range table {
		switch {
		case !b.exists():
		case b.isAutomatic():
			automatic = append(automatic, b)
		default:
			named = append(named, b)
		}
	}
	return append(automatic, named...)
}

// Backends returns the names of All, which Options.Backend may have.
func Backends() []string {
	var names []string
	for _, b := range All() {
		names = append(names, b.Name)
	}
	return names
}

// Of returns the entry of the back end behind an open store; the zero value for a Store
// that Open did not return.
func Of(s Store) Backend {
	if b, ok := s.(*bounded); ok {
		return b.Backend
	}
	return Backend{}
}

// Settings returns the options of all back ends, those of other systems too.
func Settings() []Setting {
	var all []Setting
	for _, b := range table {
		all = append(all, b.Settings...)
	}
	return all
}

// String is the name.
func (b Backend) String() string { return b.Name }

func (b Backend) exists() bool { return b.systems == nil || b.systems(runtime.GOOS) }

// isAutomatic reports whether Open may choose it on this system when none is named.
func (b Backend) isAutomatic() bool {
	return b.exists() && b.automatic != nil && b.automatic(runtime.GOOS)
}

// HidesNames reports whether the names of long-lived items are encrypted too, so that
// listing them takes what reading them takes.
func (b Backend) HidesNames() bool { return b.known != nil }

// HasRecipients reports whether items are encrypted to a list of recipients.
func (b Backend) HasRecipients() bool { return b.recipients != nil }

// Shared reports whether the names it lists can be those of other programs' items, which
// are not to be shown.
func (b Backend) Shared(o Options) bool { return b.shared != nil && b.shared(o.withDefaults()) }

// Place returns the setting that says where the items are, if there is a choice.
func (b Backend) Place() (Setting, bool) {
	i := slices.IndexFunc(b.Settings, func(s Setting) bool { return s.Kind.isPlace() })
	if i < 0 {
		return Setting{}, false
	}
	return b.Settings[i], true
}

// Examples returns a store of each back end that can be named with a place, as Options.At
// reads it: "file:/some/folder". Those of other systems are among them.
func Examples() []string {
	var all []string
	for _, b := range table {
		if place, ok := b.Place(); ok {
			all = append(all, b.Name+":"+place.Placeholder)
		}
	}
	return all
}

// fill gives the setting its default where it has no value.
func (s Setting) fill(o *Options) {
	v := s.Value(o)
	if *v == "" && s.defaultVariable != "" {
		*v = os.Getenv(s.defaultVariable)
	}
	if *v == "" {
		*v = s.Default
	}
}
