//go:build !linux

package probe

import (
	"context"
	"net/netip"
)

func connectTo(ctx context.Context, addr netip.AddrPort, _ []byte) (opened, error) {
	return dialName(ctx, addr.String())
}
