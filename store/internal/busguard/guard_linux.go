package busguard

import (
	"bufio"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// nowhere is an address that fails at once: /dev/null is not a directory.
const nowhere = "unix:path=/dev/null/no-session-bus"

// patience is how long a bus may take to say hello. A healthy one needs a tenth of
// a millisecond; one that hangs would otherwise hang the program before main.
const patience = time.Second

func init() {
	addr, why := choose(os.Args, os.Getenv)
	if whyNot = why; why == "" {
		override(addressVar, addr) // so that nothing goes looking for another one
		return
	}
	override(addressVar, nowhere)
	override(kwalletVar, "1")
}

// choose returns the address of a bus that answers, or why there is none.
func choose(args []string, getenv func(string) string) (addr, why string) {
	if why := unwanted(args, getenv("AWS_VAULT_BACKEND")); why != "" {
		return "", why
	}
	addr = getenv(addressVar)
	if addr == "" || addr == "autolaunch:" {
		if addr = socket(getenv("XDG_RUNTIME_DIR")); addr == "" {
			return "", "no D-Bus session bus here: " + addressVar + " is not set and there is no bus socket of this user"
		}
	}
	if err := answers(addr); err != nil {
		return "", "the D-Bus session bus at " + addr + " does not answer: " + err.Error()
	}
	return addr, ""
}

// unwanted says why this run needs no bus, as far as its first words tell. They are
// the commands run most often, by shells at start and at each TAB: even a live bus
// would cost them half a millisecond.
func unwanted(args []string, backend string) string {
	if len(args) > 1 {
		switch args[1] {
		case "hook", "completion", "__words", "prompt", "version", "help", "--help", "-h", "--version":
			return args[1] + " uses no keyring"
		}
	}
	switch backend {
	case "", "secret-service", "kwallet", "helper":
		return ""
	}
	for _, a := range args {
		if strings.Contains(a, "secret-service") || strings.Contains(a, "kwallet") || strings.Contains(a, "helper") {
			return ""
		}
	}
	return "AWS_VAULT_BACKEND is " + strconv.Quote(backend) + ", which needs no session bus"
}

// socket returns the address of the user's bus where systemd or elogind keep it.
func socket(runtimeDir string) string {
	for _, dir := range []string{runtimeDir, "/run/user/" + strconv.Itoa(os.Getuid())} {
		path := filepath.Join(dir, "bus")
		if st, err := os.Stat(path); dir != "" && err == nil && st.Mode()&os.ModeSocket != 0 {
			return "unix:path=" + path
		}
	}
	return ""
}

// answers opens the first of the addresses that can be connected to, as the library
// will, and goes through the first step of the bus's own handshake.
func answers(addrs string) error {
	conn, err := dial(addrs)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte("\x00AUTH\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReaderSize(conn, 256).ReadSlice('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(line), "REJECTED") {
		return errors.New("it does not speak D-Bus")
	}
	return nil
}

func dial(addrs string) (net.Conn, error) {
	err := errors.New("not an address this program can use")
	for one := range strings.SplitSeq(addrs, ";") {
		network, address := parse(one)
		if network == "" {
			continue
		}
		var conn net.Conn
		if conn, err = net.DialTimeout(network, address, patience); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// parse reads one D-Bus address, unix:path=…, unix:abstract=… or tcp:host=…,port=….
func parse(addr string) (network, address string) {
	transport, rest, _ := strings.Cut(addr, ":")
	values := map[string]string{}
	for pair := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(pair, "=")
		values[k] = v
	}
	switch {
	case transport == "unix" && values["path"] != "":
		return "unix", values["path"]
	case transport == "unix" && values["abstract"] != "":
		return "unix", "@" + values["abstract"]
	case transport == "tcp" && values["port"] != "":
		return "tcp", net.JoinHostPort(values["host"], values["port"])
	}
	return "", ""
}
