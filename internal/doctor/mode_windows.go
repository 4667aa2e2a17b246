package doctor

import "io/fs"

// modeOf knows no mode here: access is by lists, and those of a home keep other users out.
func modeOf(string) (mode fs.FileMode, known bool) { return 0, false }
