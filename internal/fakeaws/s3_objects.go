package fakeaws

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"hash/crc32"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file keeps S3's objects in memory: enough for a loop of `aws s3 cp` and for the
// state file of Terraform.

type object struct {
	body    []byte
	kind    string // Content-Type
	changed time.Time
	status  int  // of the answer; 0 is 200
	hide    bool // the answer has no body: to a PUT
}

func (o object) etag() string {
	sum := md5.Sum(o.body)
	return strconv.Quote(hex.EncodeToString(sum[:]))
}

// write sends the object. net/http leaves out the body of an answer to HEAD.
func (o object) write(w http.ResponseWriter) {
	if o.status == http.StatusNoContent {
		w.WriteHeader(o.status)
		return
	}
	w.Header().Set("ETag", o.etag())
	if o.hide {
		return
	}
	w.Header().Set("Content-Type", o.kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(o.body)))
	w.Header().Set("Last-Modified", o.changed.Format(http.TimeFormat))
	_, _ = w.Write(o.body)
}

// s3Path returns the bucket and the key of the request's path.
func (c *call) s3Path() (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(c.request.URL.Path, "/"), "/")
	return bucket, key
}

// subresources returns the parameters by which a request asks for something else than the
// object: its tags, its versions, a part of an upload.
func (c *call) subresources() (names []string) {
	for name := range c.params {
		if name != "x-id" && !strings.HasPrefix(name, "X-Amz-") {
			names = append(names, name)
		}
	}
	return names
}

// s3Bucket returns the bucket of the request, or S3's error. Every bucket belongs to one
// account, and no policy opens it to another.
func (s *Server) s3Bucket(c *call) (*bucket, *apiError) {
	name, _ := c.s3Path()
	for account, buckets := range s.state.buckets {
		for _, b := range buckets {
			switch {
			case b.name != name:
			case account != c.who.account:
				return nil, refuse(http.StatusForbidden, "AccessDenied", "Access Denied")
			default:
				return b, nil
			}
		}
	}
	return nil, refuse(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
}

func getObject(s *Server, c *call) (any, *apiError) {
	b, fail := s.s3Bucket(c)
	if fail != nil {
		return nil, fail
	}
	_, key := c.s3Path()
	found, ok := b.objects[key]
	if !ok {
		return nil, refuse(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	}
	return found, nil
}

func putObject(s *Server, c *call) (any, *apiError) {
	b, fail := s.s3Bucket(c)
	if fail != nil {
		return nil, fail
	}
	if fail := c.s3Checksums(); fail != nil {
		return nil, fail
	}
	_, key := c.s3Path()
	if _, there := b.objects[key]; there && c.request.Header.Get("If-None-Match") == "*" {
		return nil, refuse(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	kept := object{body: c.body, kind: c.request.Header.Get("Content-Type"), changed: c.now}
	b.objects[key] = kept
	kept.hide = true
	return kept, nil
}

// s3Checksums compares the body with the checksums that came with it. Others than these
// two are not sent unless a client is told to.
func (c *call) s3Checksums() *apiError {
	crc, sum := crc32.ChecksumIEEE(c.body), md5.Sum(c.body)
	for header, want := range map[string][]byte{
		"X-Amz-Checksum-Crc32": {byte(crc >> 24), byte(crc >> 16), byte(crc >> 8), byte(crc)},
		"Content-Md5":          sum[:],
	} {
		if sent := c.request.Header.Get(header); sent != "" && sent != base64.StdEncoding.EncodeToString(want) {
			return refuse(http.StatusBadRequest, "BadDigest", "The %s you specified did not match what we received.", header)
		}
	}
	return nil
}

func deleteObject(s *Server, c *call) (any, *apiError) {
	b, fail := s.s3Bucket(c)
	if fail != nil {
		return nil, fail
	}
	_, key := c.s3Path()
	delete(b.objects, key)
	return object{status: http.StatusNoContent}, nil
}

type objectXML struct {
	Key, LastModified, ETag string
	Size                    int
	StorageClass            string
}

type listObjectsXML struct {
	XMLName     xml.Name `xml:"ListBucketResult"`
	Namespace   string   `xml:"xmlns,attr"`
	Name        string
	Prefix      string
	KeyCount    int
	MaxKeys     int
	IsTruncated bool
	Contents    []objectXML
}

// listObjects lists all keys with the prefix, on one page.
func listObjects(s *Server, c *call) (any, *apiError) {
	b, fail := s.s3Bucket(c)
	if fail != nil {
		return nil, fail
	}
	doc := listObjectsXML{Namespace: s3Namespace, Name: b.name, Prefix: c.params.Get("prefix"), MaxKeys: 1000}
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		if o := b.objects[key]; strings.HasPrefix(key, doc.Prefix) {
			doc.Contents = append(doc.Contents, objectXML{key, o.changed.Format(s3Time), o.etag(), len(o.body), "STANDARD"})
		}
	}
	doc.KeyCount = len(doc.Contents)
	return doc, nil
}
