package fakeaws

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file has the pages for a browser: they ask a person to approve a device's code, or a
// program that waits on a loopback port.

var pageService = &service{
	name:  "pages",
	write: writePage,
	unsigned: map[string]func(*Server, *call) (any, *apiError){
		"Authorize":       showAuthorize,
		"AnswerAuthorize": answerAuthorize,
		"Device":          showDevice,
		"AnswerDevice":    answerDevice,
	},
}

// view is a page, or the address to redirect to.
type view struct {
	title, text, code string
	question, enter   bool // whether there are buttons, or a field for the code
	location          string
	cookie            *http.Cookie
}

// html renders the page. A form is sent to the address of the page itself, so that the
// request is checked again with the answer.
func (v *view) html() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%[1]s</title></head><body>\n<h1>%[1]s</h1>\n<p>%[2]s</p>\n",
		html.EscapeString(v.title), html.EscapeString(v.text))
	if v.code != "" {
		fmt.Fprintf(&b, "<p>Code: <strong id=\"code\">%s</strong></p>\n", html.EscapeString(v.code))
	}
	if v.enter {
		b.WriteString("<form method=\"get\"><label>Code <input name=\"user_code\" autofocus></label> <button>Next</button></form>\n")
	}
	if v.question {
		b.WriteString("<form method=\"post\"><button id=\"approve\" name=\"answer\" value=\"approve\">Approve</button>\n" +
			"<button id=\"deny\" name=\"answer\" value=\"deny\">Deny</button></form>\n")
	}
	b.WriteString("</body></html>\n")
	return b.Bytes()
}

func writePage(w http.ResponseWriter, c *call, result any, fail *apiError) {
	status := http.StatusOK
	if answer, ok := result.(map[string]string); ok && fail == nil {
		writeJSON(w, c, status, answer)
		return
	}
	v, _ := result.(*view)
	if fail != nil {
		status, v = fail.status, &view{title: "Not possible", text: fail.message}
	}
	w.Header().Set("Cache-Control", "no-store")
	if v.cookie != nil {
		http.SetCookie(w, v.cookie)
	}
	if v.location != "" {
		// After a form the browser must use GET, which a 302 does not guarantee.
		status = http.StatusFound
		if c.request.Method == http.MethodPost {
			status = http.StatusSeeOther
		}
		w.Header().Set("Location", v.location)
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(v.html()) // fails only if the client has disconnected
}

func badPage(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "InvalidRequest", format, args...)
}

// checkAuthorize checks the parameters of a program's request. Unless client and redirect
// are right, the browser is not sent to the redirect.
func (s *Server) checkAuthorize(c *call) (*oidcClient, *url.URL, *apiError) {
	p := c.params
	k := s.state.sso.clients[p.Get("client_id")]
	if k == nil || !c.now.Before(k.expires) || k.directory == nil {
		return nil, nil, badPage("The client is not registered.")
	}
	to := k.redirect(p.Get("redirect_uri"))
	if to == nil {
		return nil, nil, badPage("The redirect URI is not the client's.")
	}
	switch {
	case p.Get("response_type") != "code":
		return nil, nil, badPage("The response type must be code.")
	case p.Get("code_challenge_method") != "S256" || len(p.Get("code_challenge")) != 43:
		return nil, nil, badPage("A code challenge of method S256 is required.")
	case p.Get("state") == "":
		return nil, nil, badPage("A state is required.")
	}
	if k.mayUse(codeGrantType) != nil {
		return nil, nil, badPage("The client is not registered for the authorization code grant.")
	}
	for scope := range strings.FieldsSeq(cmp.Or(p.Get("scopes"), p.Get("scope"))) {
		if !slices.Contains(k.scopes, scope) {
			return nil, nil, badPage("The scope %s is not the client's.", scope)
		}
	}
	return k, to, nil
}

func showAuthorize(s *Server, c *call) (any, *apiError) {
	k, _, fail := s.checkAuthorize(c)
	if fail != nil {
		return nil, fail
	}
	if k.directory.answer != Ask {
		return s.goBack(c, k.directory.answer)
	}
	return &view{title: "Allow access?", text: k.name + " asks for your accounts and roles.", question: true}, nil
}

func answerAuthorize(s *Server, c *call) (any, *apiError) {
	answer, fail := c.formAnswer()
	if fail != nil {
		return nil, fail
	}
	return s.goBack(c, answer)
}

// goBack sends the browser back to the program with a code, or with an error.
func (s *Server) goBack(c *call, answer Answer) (any, *apiError) {
	k, to, fail := s.checkAuthorize(c)
	if fail != nil {
		return nil, fail
	}
	q := to.Query()
	q.Set("state", c.params.Get("state"))
	if answer == No {
		q.Set("error", "access_denied")
		q.Set("error_description", "The person refused")
	} else {
		g := &codeGrant{client: k, redirect: c.params.Get("redirect_uri"), challenge: c.params.Get("code_challenge"), expires: c.now.Add(codeLife)}
		code := randomWord(32)
		s.state.sso.codes[code] = g
		q.Set("code", code)
	}
	to.RawQuery = q.Encode()
	return &view{location: to.String()}, nil
}

// formAnswer returns which button was pressed.
func (c *call) formAnswer() (Answer, *apiError) {
	form, err := url.ParseQuery(string(c.body))
	switch {
	case err == nil && form.Get("answer") == "approve":
		return Yes, nil
	case err == nil && form.Get("answer") == "deny":
		return No, nil
	}
	return Ask, badPage("Approve or deny.")
}

// waiting returns the device grant for the code in the page's address.
func (s *Server) waiting(c *call) (*deviceGrant, *apiError) {
	g := s.state.sso.userCodes[strings.ToUpper(strings.TrimSpace(c.params.Get("user_code")))]
	if g == nil || !c.now.Before(g.expires) || g.answer != Ask {
		return nil, badPage("This code is unknown, used or expired.")
	}
	return g, nil
}

func showDevice(s *Server, c *call) (any, *apiError) {
	if c.params.Get("user_code") == "" {
		return &view{title: "Authorize a device", text: "Enter the code that the program shows.", enter: true}, nil
	}
	g, fail := s.waiting(c)
	if fail != nil {
		return nil, fail
	}
	if answer := g.directory.answer; answer != Ask {
		return g.decide(answer), nil
	}
	return &view{title: "Allow access?", text: g.client.name + " asks for your accounts and roles. Is this the code it shows?", code: g.userCode, question: true}, nil
}

func answerDevice(s *Server, c *call) (any, *apiError) {
	g, fail := s.waiting(c)
	if fail != nil {
		return nil, fail
	}
	answer, fail := c.formAnswer()
	if fail != nil {
		return nil, fail
	}
	return g.decide(answer), nil
}

func (g *deviceGrant) decide(answer Answer) *view {
	g.answer = answer
	if answer == Yes {
		return &view{title: "Approved", text: "You may close this window."}
	}
	return &view{title: "Denied", text: "You may close this window."}
}

// Approve does what a person does who approves: it takes a device's code, or the address of
// a page, presses the button there and follows the redirect. It returns an error if the
// page shows one.
func (d *Directory) Approve(ctx context.Context, codeOrURL string) error {
	return d.press(ctx, codeOrURL, "approve")
}

// Refuse is like Approve, with the other button.
func (d *Directory) Refuse(ctx context.Context, codeOrURL string) error {
	return d.press(ctx, codeOrURL, "deny")
}

func (d *Directory) press(ctx context.Context, page, button string) error {
	if !strings.Contains(page, "/") {
		page = d.server.URL() + "/device?user_code=" + url.QueryEscape(page)
	}
	if !strings.HasPrefix(page, d.server.URL()+"/") {
		return errors.New("the address is not one of this server")
	}
	form := strings.NewReader(url.Values{"answer": {button}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, page, form)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	browser := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := browser.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the page says %d: %s", resp.StatusCode, text)
	}
	return nil
}
