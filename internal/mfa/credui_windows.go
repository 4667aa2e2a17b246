package mfa

import (
	"context"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/d44b7504/vault/internal/creds"
)

var promptForCredentials = windows.NewLazySystemDLL("credui.dll").NewProc("CredUIPromptForCredentialsW")

// Flags of CredUIPromptForCredentials: the password is not of a Windows account, is not kept,
// and the user name beside it cannot be changed.
const (
	doNotPersist       = 0x2
	alwaysShowUI       = 0x80
	genericCredentials = 0x40000
	keepUsername       = 0x100000
)

// uiInfo is a CREDUI_INFOW.
type uiInfo struct {
	size             uint32
	parent           windows.HWND
	message, caption *uint16
	banner           windows.Handle
}

// credUI returns when ctx ends; the dialog stays until the process ends.
var credUI = func(ctx context.Context, question string) (creds.Secret, error) {
	type answer struct {
		code creds.Secret
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		code, err := showCredUI(question)
		done <- answer{code, err}
	}()
	select {
	case <-ctx.Done():
		return creds.Secret{}, ctx.Err()
	case a := <-done:
		return a.code, a.err
	}
}

func showCredUI(question string) (creds.Secret, error) {
	if err := promptForCredentials.Find(); err != nil {
		return creds.Secret{}, err
	}
	message, err := windows.UTF16PtrFromString(question)
	if err != nil {
		return creds.Secret{}, err
	}
	caption, err := windows.UTF16PtrFromString(title)
	if err != nil {
		return creds.Secret{}, err
	}
	info := uiInfo{message: message, caption: caption}
	info.size = uint32(unsafe.Sizeof(info))
	var name, password [256]uint16
	defer clear(password[:])
	copy(name[:], windows.StringToUTF16("MFA"))
	var save int32
	status, _, _ := promptForCredentials.Call(
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(caption)), 0, 0,
		uintptr(unsafe.Pointer(&name[0])), uintptr(len(name)),
		uintptr(unsafe.Pointer(&password[0])), uintptr(len(password)),
		uintptr(unsafe.Pointer(&save)),
		doNotPersist|alwaysShowUI|genericCredentials|keepUsername,
	)
	switch windows.Errno(status) {
	case windows.ERROR_SUCCESS:
		return creds.New(windows.UTF16ToString(password[:])), nil
	case windows.ERROR_CANCELLED:
		return creds.Secret{}, context.Canceled
	}
	return creds.Secret{}, fmt.Errorf("show the dialog: %w", windows.Errno(status))
}
