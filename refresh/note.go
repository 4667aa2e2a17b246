package refresh

// Note says why a session is not renewed, in the word that the prompt shows. "" says that
// nothing is wrong.
type Note string

// The notes. What each means is in the table below.
const (
	NeedsCode   Note = "mfa!"
	NeedsSignIn Note = "login!"
	NeedsKey    Note = "newkey!"
	Offline     Note = "offline!"
	Busy        Note = "busy!"
	Denied      Note = "denied!"
	Locked      Note = "locked!"
	NoKey       Note = "nokey!"
	NotSaved    Note = "disk!"
	Failed      Note = "failed!"
	ReadOnly    Note = "readonly!"
	NoAgent     Note = "agent!"
	Changed     Note = "changed!" // the hooks show it; no renewal has failed
)

// Meaning is what a note says to a person.
type Meaning struct {
	Note     Note
	Sentence string // what happened
	Cure     string // what the person can do about it, "" when nothing has to be done
	Retries  bool   // it is tried again without a person
	SignIn   bool   // a person must sign in
}

var meanings = [...]Meaning{
	{NeedsCode, "an MFA code is needed", "vault refresh asks for it", false, true},
	{NeedsSignIn, "a sign-in in the browser is needed", "vault refresh opens the browser", false, true},
	{NeedsKey, "the program that wrote the key into the file has to be run again", "vault refresh runs it, if vault_renew_command of the profile names it", true, true},
	{Offline, "AWS could not be reached", "", true, false},
	{Busy, "AWS answers that there are too many calls at the moment", "", true, false},
	{Denied, "AWS refused to renew the session", "vault refresh says why", false, false},
	{Locked, "the keyring is locked", "vault refresh unlocks it", false, false},
	{NoKey, "the access key is not stored any more", "vault add PROFILE stores it", false, false},
	{NotSaved, "the session could not be saved", "free space on the disk", true, false},
	{Failed, "the last renewal failed", "vault refresh says why", true, false},
	{NoAgent, "the agent that served this shell has ended, and what was started before gets no credentials any more", "start that again; vault refresh serves this shell again", false, false},
	{ReadOnly, "a variable of the session is read-only in this shell", "vault refresh names it", false, false},
	{Changed, "another program has changed the session's variables in this shell", "vault use PROFILE sets them again", false, false},
}

// Meanings lists every note with its meaning.
func Meanings() []Meaning { return meanings[:] }

// Meaning looks the note up. One that is not in the table is taken for Failed.
func (n Note) Meaning() Meaning {
	for _, m := range meanings {
		if m.Note == n {
			return m
		}
	}
	return Failed.Meaning()
}

// parseNote returns the note that a file's name has. Text that is not in the table, which
// another version of the program may have left, becomes Failed: only words of the table
// reach a terminal.
func parseNote(text string) Note { return Note(text).Meaning().Note }

// Advice is the cure, or that none is needed.
func (m Meaning) Advice() string {
	if m.Cure == "" && m.Retries {
		return "it is tried again by itself"
	}
	return m.Cure
}

// Text is the meaning in one line.
func (m Meaning) Text() string {
	if advice := m.Advice(); advice != "" {
		return m.Sentence + "; " + advice
	}
	return m.Sentence
}
