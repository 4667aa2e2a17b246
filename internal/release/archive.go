package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// stem is the name of a target's files without what says of what kind they are. It is also the
// folder in an archive.
func (r *release) stem(t target) string { return "vault-" + r.version + "-" + t.String() }

func (r *release) archive(t target) string {
	if t.os == "windows" {
		return r.stem(t) + ".zip"
	}
	return r.stem(t) + ".tar.gz"
}

// archives packs the program for each target, with everything that is the same for all.
func (r *release) archives() error {
	for _, t := range r.targets {
		files, err := listed(r.staged("common"), r.staged(t.String()))
		if err != nil {
			return err
		}
		pack := r.tarball
		if t.os == "windows" {
			pack = r.zipped
		}
		if err := create(r.finished(r.archive(t)), func(w io.Writer) error { return pack(w, r.stem(t), files) }); err != nil {
			return fmt.Errorf("%s: %w", r.archive(t), err)
		}
	}
	return nil
}

// file is one to be packed, with the name that it has there.
type file struct {
	name, path string
	mode       fs.FileMode
}

// listed finds the files below the directories, in the order of their names. Only a program can be run.
func listed(dirs ...string) (files []file, err error) {
	for _, dir := range dirs {
		err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(dir, p)
			mode := fs.FileMode(0o644)
			if base := filepath.Base(p); base == "vault" || base == "vault.exe" {
				mode = 0o755
			}
			files = append(files, file{filepath.ToSlash(name), p, mode})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func (r *release) tarball(w io.Writer, folder string, files []file) error {
	zw, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(zw)
	for _, f := range files {
		data, err := os.ReadFile(f.path)
		if err != nil {
			return err
		}
		h := &tar.Header{Name: path.Join(folder, f.name), Mode: int64(f.mode), Size: int64(len(data)), ModTime: r.date, Uname: "root", Gname: "root", Format: tar.FormatUSTAR}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		if _, err := tw.Write(data); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	return zw.Close()
}

func (r *release) zipped(w io.Writer, folder string, files []file) error {
	zw := zip.NewWriter(w)
	for _, f := range files {
		data, err := os.ReadFile(f.path)
		if err != nil {
			return err
		}
		h := &zip.FileHeader{Name: path.Join(folder, f.name), Method: zip.Deflate, Modified: r.date}
		h.SetMode(f.mode)
		entry, err := zw.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := entry.Write(data); err != nil {
			return err
		}
	}
	return zw.Close()
}

// create writes a new file by fill.
func create(name string, fill func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := fill(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// sum is the SHA-256 of a finished file.
func (r *release) sum(name string) (sum [sha256.Size]byte, err error) {
	data, err := os.ReadFile(r.finished(name))
	return sha256.Sum256(data), err
}

// sums writes SHA256SUMS, which sha256sum --check reads.
func (r *release) sums() error {
	files, err := listed(r.finished())
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, f := range files {
		sum, err := r.sum(f.name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%s  %s\n", hex.EncodeToString(sum[:]), f.name)
	}
	return write(r.finished("SHA256SUMS"), []byte(text.String()), 0o644)
}
