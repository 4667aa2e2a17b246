package console

import (
	"context"
	"net"
)

type peerKey struct{}

// rememberPeer keeps who has connected with what is done for the connection.
func rememberPeer(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, sameUser(c))
}

// ours reports whether a request came from a process of this user, or the system does not say.
func ours(ctx context.Context) bool {
	is, known := ctx.Value(peerKey{}).(bool)
	return known && is
}
