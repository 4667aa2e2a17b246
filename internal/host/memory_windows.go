package host

// ProtectMemory has nothing to do: Go's runtime keeps Windows from reporting a crash.
func ProtectMemory() {}
