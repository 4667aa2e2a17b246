package store

// pass is a shell script, which does not exist here.
var openPass opener
