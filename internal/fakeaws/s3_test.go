package fakeaws_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/d44b7504/vault/internal/fakeaws"
)

func (w *world) buckets(from caller) letter {
	l := w.letter("")
	l.from, l.service, l.method, l.path = from, "s3", http.MethodGet, "/?x-id=ListBuckets"
	l.header = http.Header{"X-Amz-Content-Sha256": {hash("")}}
	return l
}

func TestBucketsAreListedToTheirAccount(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.AddBucket(account, "zebra")
	w.AddBucket(account, "apple")
	w.AddBucket(other, "theirs")
	a := w.send(t, w.buckets(w.owner()))
	apple, zebra := strings.Index(a.body, "<Name>apple</Name>"), strings.Index(a.body, "<Name>zebra</Name>")
	if a.status != 200 || apple < 0 || zebra < apple || strings.Contains(a.body, "theirs") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestS3RefusesWithItsOwnErrors(t *testing.T) {
	w := newWorld(t, fakeaws.Options{MinDuration: time.Minute})
	out, err := w.client(w.owner()).GetSessionToken(bg, &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(60)})
	must(t, err)
	mine, key := session(out.Credentials), w.owner()
	w.send(t, w.buckets(mine)).want(t, 200, "", "")

	w.send(t, w.buckets(caller{"AKIA" + "NOTHERE0NOTHERE0", "x", ""})).want(t, 403, "InvalidAccessKeyId", "does not exist in our records.")
	w.send(t, w.buckets(caller{key.id, "x", ""})).want(t, 403, "SignatureDoesNotMatch", differ)
	w.send(t, w.buckets(caller{mine.id, mine.secret, "x"})).want(t, 400, "InvalidToken", "malformed or otherwise invalid.")

	for name, tc := range map[string]struct {
		change func(*letter)
		status int
		code   string
	}{
		"no hash":       {func(l *letter) { l.header = nil }, 400, "InvalidRequest"},
		"wrong hash":    {func(l *letter) { l.header.Set("X-Amz-Content-Sha256", hash("x")) }, 400, "XAmzContentSHA256Mismatch"},
		"other service": {func(l *letter) { l.service = "sts" }, 403, "SignatureDoesNotMatch"},
		"anonymous": {func(l *letter) {
			l.spoil = func(r *http.Request) { r.Header.Del("Authorization") }
		}, 403, "AccessDenied"},
		"a bucket": {func(l *letter) { l.path = "/zebra" }, 405, "MethodNotAllowed"},
	} {
		t.Run(name, func(t *testing.T) {
			l := w.buckets(key)
			tc.change(&l)
			w.send(t, l).want(t, tc.status, tc.code, "")
		})
	}
	w.clock.forward(61 * time.Second)
	w.send(t, w.buckets(mine)).want(t, 400, "ExpiredToken", "The provided token has expired.")
}
