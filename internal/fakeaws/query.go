package fakeaws

import (
	"encoding/xml"
	"net/http"
)

// This file writes the query protocol of STS and IAM: a result wrapped in
// <ActionResponse><ActionResult>, or an <ErrorResponse>, each with the id of the
// request.

type queryError struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// queryReply is a success. The names of its outer elements depend on the action,
// so it writes them itself.
type queryReply struct {
	c      *call
	result any // nil: the action has no result
}

// MarshalXML implements xml.Marshaler.
func (q queryReply) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	outer := xml.StartElement{
		Name: xml.Name{Local: q.c.action + "Response"},
		Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: q.c.service.namespace}},
	}
	if err := e.EncodeToken(outer); err != nil {
		return err
	}
	if q.result != nil {
		if err := e.EncodeElement(q.result, element(q.c.action+"Result")); err != nil {
			return err
		}
	}
	meta := struct{ RequestId string }{q.c.id}
	if err := e.EncodeElement(meta, element("ResponseMetadata")); err != nil {
		return err
	}
	return e.EncodeToken(outer.End())
}

func element(name string) xml.StartElement {
	return xml.StartElement{Name: xml.Name{Local: name}}
}

func writeQuery(w http.ResponseWriter, c *call, result any, fail *apiError) {
	w.Header().Set("X-Amzn-Requestid", c.id)
	if fail == nil {
		writeXML(w, http.StatusOK, queryReply{c, result})
		return
	}
	kind := "Sender"
	if fail.status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	writeXML(w, fail.status, queryError{
		Namespace: c.service.namespace,
		Type:      kind,
		Code:      fail.code,
		Message:   fail.message,
		RequestID: c.id,
	})
}

func writeXML(w http.ResponseWriter, status int, doc any) {
	body, err := xml.Marshal(doc)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails only if the client has disconnected
}
