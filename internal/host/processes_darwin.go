package host

import "golang.org/x/sys/unix"

// processes lists all processes that can be seen.
func processes() []procInfo {
	list, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil
	}
	all := make([]procInfo, len(list))
	for i := range list {
		all[i] = fromKernel(&list[i])
	}
	return all
}

func processOf(pid int) (p procInfo, there bool) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return p, false
	}
	return fromKernel(k), true
}

func fromKernel(k *unix.KinfoProc) procInfo {
	const zombie = 5 // SZOMB
	p := procInfo{name: unix.ByteSliceToString(k.Proc.P_comm[:]), pid: int(k.Proc.P_pid), parent: int(k.Eproc.Ppid), group: int(k.Eproc.Pgid), zombie: k.Proc.P_stat == zombie}
	p.session, _ = unix.Getsid(p.pid)
	p.started = k.Proc.P_starttime.Nano()
	return p
}
