package fakeaws

import (
	"encoding/xml"
	"net/http"
)

// This file is S3's errors and the call that people try first, `aws s3 ls`.

const (
	s3Time      = "2006-01-02T15:04:05.000Z"
	s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
)

var s3Service = &service{
	name:      "s3",
	namespace: s3Namespace,
	write:     writeS3,
	actions: map[string]func(*Server, *call) (any, *apiError){
		"ListBuckets":   listBuckets,
		"ListObjectsV2": listObjects,
		"PutObject":     putObject,
		"GetObject":     getObject,
		"HeadObject":    getObject,
		"DeleteObject":  deleteObject,
	},
}

// s3Action reads the action out of method and path. Buckets are named in the path, as
// clients do for an address that is not AWS's.
func (c *call) s3Action() string {
	bucket, key := c.s3Path()
	switch method := c.request.Method; {
	case method == http.MethodGet && bucket == "":
		return "ListBuckets"
	case method == http.MethodGet && key == "" && c.params.Get("list-type") == "2":
		return "ListObjectsV2"
	case bucket == "" || key == "" || len(c.subresources()) > 0:
		return method + " " + c.request.URL.Path
	case method == http.MethodGet:
		return "GetObject"
	case method == http.MethodHead:
		return "HeadObject"
	case method == http.MethodPut:
		return "PutObject"
	case method == http.MethodDelete:
		return "DeleteObject"
	default:
		return method + " " + c.request.URL.Path
	}
}

// s3PayloadHash compares the declared hash with the body. A presigned request
// declares none and is signed without its body.
func (c *call) s3PayloadHash(p *proof) (string, *apiError) {
	if p.presigned {
		return unsigned, nil
	}
	declared := c.request.Header.Get("X-Amz-Content-Sha256")
	switch {
	case declared == "":
		return "", refuse(http.StatusBadRequest, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
	case declared != unsigned && declared != sha256Hex(c.body):
		return "", refuse(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return declared, nil
}

type bucketXML struct{ Name, CreationDate string }

type listBucketsXML struct {
	XMLName   xml.Name    `xml:"ListAllMyBucketsResult"`
	Namespace string      `xml:"xmlns,attr"`
	OwnerID   string      `xml:"Owner>ID"`
	Buckets   []bucketXML `xml:"Buckets>Bucket"`
}

func listBuckets(s *Server, c *call) (any, *apiError) {
	doc := listBucketsXML{Namespace: s3Namespace, OwnerID: sha256Hex([]byte(c.who.account))}
	for _, b := range s.state.buckets[c.who.account] {
		doc.Buckets = append(doc.Buckets, bucketXML{b.name, b.created.Format(s3Time)})
	}
	return doc, nil
}

type s3Error struct {
	XMLName                          xml.Name `xml:"Error"`
	Code, Message, RequestId, HostId string
}

func writeS3(w http.ResponseWriter, c *call, result any, fail *apiError) {
	w.Header().Set("X-Amz-Request-Id", c.id)
	if sent, ok := result.(object); ok && fail == nil {
		sent.write(w)
		return
	}
	if fail == nil {
		writeXML(w, http.StatusOK, result)
		return
	}
	writeXML(w, fail.status, s3Error{Code: fail.code, Message: fail.message, RequestId: c.id, HostId: sha256Hex([]byte(c.id))})
}

// inS3Words replaces the errors that S3 words differently.
func (c *call) inS3Words(fail *apiError) *apiError {
	switch fail.code {
	case "InvalidAction":
		return refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	case "MissingAuthenticationToken":
		return refuse(http.StatusForbidden, "AccessDenied", "Access Denied")
	case "ExpiredToken":
		return refuse(http.StatusBadRequest, "ExpiredToken", "The provided token has expired.")
	case "InvalidClientTokenId":
		if c.request.Header.Get("X-Amz-Security-Token") != "" || c.params.Has("X-Amz-Security-Token") {
			return refuse(http.StatusBadRequest, "InvalidToken", "The provided token is malformed or otherwise invalid.")
		}
		return refuse(http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
	}
	return fail
}
