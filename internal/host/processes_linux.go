package host

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// processes lists all processes that can be seen, as proc(5) has them.
func processes() []procInfo {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	var all []procInfo
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if p, there := processOf(pid); there {
				all = append(all, p)
			}
		}
	}
	return all
}

func processOf(pid int) (p procInfo, there bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	end := bytes.LastIndexByte(stat, ')') // the program's name may have any character
	if err != nil || end < 0 {
		return p, false
	}
	f := strings.Fields(string(stat[end+1:]))
	if len(f) < 20 {
		return p, false
	}
	p.pid, p.zombie = pid, f[0] == "Z"
	_, name, _ := bytes.Cut(stat[:end], []byte("("))
	p.name = string(name)
	for i, field := range []*int{&p.parent, &p.group, &p.session} {
		*field, _ = strconv.Atoi(f[1+i])
	}
	p.started, err = strconv.ParseInt(f[19], 10, 64)
	return p, err == nil
}
