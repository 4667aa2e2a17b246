package store

// putWithSmallFiles needs a limit only Unix has.
func putWithSmallFiles() int { return 2 }
