package proxy

import (
	"bytes"
	"encoding/binary"
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/d44b7504/vault/internal/server"
)

// This file gives the loopback interface one more address, with a label by which it is
// known as ours however the process ended that added it.

const (
	label     = "lo:vault"
	socketDir = "/run"
	socket    = socketDir + "/vault-proxy.sock"
)

var address = net.ParseIP(server.MetadataAddr).To4()

// leftover reports whether a killed proxy has left its address. One that something else
// has added is ErrForeign.
func leftover() (bool, error) {
	rib, err := syscall.NetlinkRIB(unix.RTM_GETADDR, unix.AF_INET)
	if err != nil {
		return false, err
	}
	messages, err := syscall.ParseNetlinkMessage(rib)
	if err != nil {
		return false, err
	}
	for _, m := range messages {
		if m.Header.Type != unix.RTM_NEWADDR {
			continue
		}
		attributes, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			return false, err
		}
		found, name := false, ""
		for _, a := range attributes {
			switch a.Attr.Type {
			case unix.IFA_LOCAL:
				found = bytes.Equal(a.Value, address)
			case unix.IFA_LABEL:
				name = string(bytes.TrimRight(a.Value, "\x00"))
			}
		}
		if found && name != label {
			return false, ErrForeign
		}
		if found {
			return true, nil
		}
	}
	return false, nil
}

func addAddress() error {
	return request(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
}

func removeAddress() error { return request(unix.RTM_DELADDR, 0) }

// request asks the kernel to change the address, and waits for its answer.
func request(kind, flags uint16) error {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Sendto(fd, message(kind, flags, lo.Index), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	messages, err := syscall.ParseNetlinkMessage(answer[:n])
	if err != nil {
		return err
	}
	for _, m := range messages {
		if m.Header.Type == unix.NLMSG_ERROR {
			if code := int32(binary.NativeEndian.Uint32(m.Data)); code != 0 {
				return syscall.Errno(-code)
			}
		}
	}
	return nil
}

// message is one about the address, as rtnetlink(7) has it.
func message(kind, flags uint16, index int) []byte {
	body := []byte{unix.AF_INET, 32, unix.IFA_F_PERMANENT, unix.RT_SCOPE_HOST}
	body = binary.NativeEndian.AppendUint32(body, uint32(index))
	for _, a := range []struct {
		kind  uint16
		value []byte
	}{{unix.IFA_LOCAL, address}, {unix.IFA_ADDRESS, address}, {unix.IFA_LABEL, append([]byte(label), 0)}} {
		body = binary.NativeEndian.AppendUint16(body, uint16(4+len(a.value)))
		body = binary.NativeEndian.AppendUint16(body, a.kind)
		body = append(body, a.value...)
		body = append(body, make([]byte, -len(body)&3)...) // each begins at a multiple of four
	}
	m := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = binary.NativeEndian.AppendUint16(m, unix.NLM_F_REQUEST|unix.NLM_F_ACK|flags)
	m = append(m, make([]byte, 8)...) // a sequence number and a port, which we do not need
	return append(m, body...)
}
