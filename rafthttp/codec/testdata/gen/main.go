// Command gen captures what etcd 3.4's rafthttp writes on both streams for a
// scripted list of messages, and prints it as ../go_streams.txt:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run main.go > ../go_streams.txt
//
// It needs Debian's golang-etcd-server-dev. Link heartbeats come when they
// come, so two runs differ in where they stand.
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/etcdserver/api/rafthttp"
	stats "go.etcd.io/etcd/etcdserver/api/v2stats"
	"go.etcd.io/etcd/pkg/types"
	"go.etcd.io/etcd/raft"
	"go.etcd.io/etcd/raft/raftpb"
	"go.uber.org/zap"
)

const (
	local  = 0x11 // who writes the streams
	remote = 0x22 // who has dialled them
)

type noRaft struct{}

func (noRaft) Process(context.Context, raftpb.Message) error { return nil }
func (noRaft) IsIDRemoved(uint64) bool                       { return false }
func (noRaft) ReportUnreachable(uint64)                      {}
func (noRaft) ReportSnapshot(uint64, raft.SnapshotStatus)    {}

func entries(term, first uint64, data ...string) []raftpb.Entry {
	var es []raftpb.Entry
	for i, d := range data {
		e := raftpb.Entry{Term: term, Index: first + uint64(i)}
		if d != "" {
			e.Data = []byte(d)
		}
		es = append(es, e)
	}
	return es
}

func app(term, logTerm, index, commit uint64, es []raftpb.Entry) raftpb.Message {
	return raftpb.Message{Type: raftpb.MsgApp, From: local, To: remote, Term: term,
		LogTerm: logTerm, Index: index, Commit: commit, Entries: es}
}

func other(t raftpb.MessageType, m raftpb.Message) raftpb.Message {
	m.Type, m.From, m.To = t, local, remote
	return m
}

func appends() []raftpb.Message {
	confChange := raftpb.Entry{Type: raftpb.EntryConfChange, Term: 2, Index: 14,
		Data: []byte{8, 16, 16, 3, 24, 5, 34, 2, '{', '}'}}
	confChangeV2 := raftpb.Entry{Type: raftpb.EntryConfChangeV2, Term: 2, Index: 15}
	return []raftpb.Message{
		app(2, 1, 6, 5, entries(2, 7, "first of term 2: a full message")),
		app(2, 2, 7, 6, entries(2, 8, "abc")),
		app(2, 2, 8, 8, nil),
		app(2, 2, 8, 8, entries(2, 9, "", strings.Repeat("x", 127), strings.Repeat("y", 128))),
		app(2, 2, 11, 11, entries(2, 12, strings.Repeat("long ", 520), "\x00\xff\x80")),
		app(2, 2, 13, 11, []raftpb.Entry{confChange, confChangeV2}),
		app(2, 2, 10, 11, entries(2, 11, "a step back: a full message")),
		app(2, 2, 11, 11, entries(2, 12, "compact again")),
		app(3, 2, 12, 12, entries(3, 13, "a new term: a full message")),
		app(3, 3, 13, 13, entries(3, 14, "and compact")),
		app(3, 3, 14, 1<<63, nil),
		app(1<<64-1, 7, 1<<40, 1<<50, entries(1<<64-1, 1<<40+1, "large numbers")),
		app(1<<64-1, 1<<64-1, 1<<40+1, 1<<50, entries(1<<64-1, 1<<40+2, "compact")),
	}
}

func afterReconnect() []raftpb.Message {
	return []raftpb.Message{
		app(1<<64-1, 1<<64-1, 1<<40+2, 1<<50, entries(1<<64-1, 1<<40+3, "a new connection: full")),
		app(1<<64-1, 1<<64-1, 1<<40+3, 1<<50, entries(1<<64-1, 1<<40+4, "compact")),
	}
}

func others() []raftpb.Message {
	return []raftpb.Message{
		other(raftpb.MsgProp, raftpb.Message{Entries: []raftpb.Entry{{Data: []byte("proposal")}}}),
		other(raftpb.MsgAppResp, raftpb.Message{Term: 3, Index: 6}),
		other(raftpb.MsgAppResp, raftpb.Message{Term: 3, Index: 6, Reject: true, RejectHint: 4, LogTerm: 2}),
		other(raftpb.MsgVote, raftpb.Message{Term: 4, LogTerm: 3, Index: 100, Context: []byte("CampaignTransfer")}),
		other(raftpb.MsgVoteResp, raftpb.Message{Term: 4}),
		other(raftpb.MsgHeartbeat, raftpb.Message{Term: 3, Commit: 7}),
		other(raftpb.MsgHeartbeat, raftpb.Message{Term: 3, Commit: 7, Context: []byte{0, 0, 0, 0, 0, 0, 0, 9}}),
		other(raftpb.MsgHeartbeatResp, raftpb.Message{Term: 3, Context: []byte{0, 0, 0, 0, 0, 0, 0, 9}}),
		other(raftpb.MsgTransferLeader, raftpb.Message{}),
		other(raftpb.MsgTimeoutNow, raftpb.Message{Term: 1 << 35}),
		other(raftpb.MsgReadIndex, raftpb.Message{Entries: []raftpb.Entry{{Data: []byte{1, 2, 3, 4, 5, 6, 7, 8}}}}),
		other(raftpb.MsgReadIndexResp, raftpb.Message{Term: 3, Index: 9, Entries: []raftpb.Entry{{Data: []byte{1, 2, 3, 4, 5, 6, 7, 8}}}}),
		other(raftpb.MsgPreVote, raftpb.Message{Term: 5, LogTerm: 1, Index: 1<<64 - 1}),
		other(raftpb.MsgPreVoteResp, raftpb.Message{Term: 5, Reject: true}),
		other(raftpb.MsgProp, raftpb.Message{Entries: []raftpb.Entry{{Data: bytes.Repeat([]byte("long "), 520)}}}),
	}
}

// A capture is one stream that we have dialled, as it comes.
type capture struct {
	mu   sync.Mutex
	data []byte
	done chan struct{}
	stop func()
}

func dial(base, kind string) *capture {
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequest("GET", fmt.Sprintf("%s/raft/stream/%s/%x", base, kind, remote), nil)
	check(err)
	req = req.WithContext(ctx)
	req.Header.Set("X-Server-From", fmt.Sprintf("%x", remote))
	req.Header.Set("X-Server-Version", "3.4.23")
	req.Header.Set("X-Min-Cluster-Version", "3.0.0")
	req.Header.Set("X-Etcd-Cluster-ID", "1")
	req.Header.Set("X-Raft-To", fmt.Sprintf("%x", local))
	resp, err := http.DefaultClient.Do(req)
	check(err)
	if resp.StatusCode != http.StatusOK {
		log.Fatalf("%s: %s", kind, resp.Status)
	}
	c := &capture{done: make(chan struct{}), stop: cancel}
	go func() {
		defer close(c.done)
		buf := make([]byte, 4096)
		for {
			n, err := resp.Body.Read(buf)
			c.mu.Lock()
			c.data = append(c.data, buf[:n]...)
			c.mu.Unlock()
			if err != nil {
				if err != io.EOF && ctx.Err() == nil {
					log.Fatal(err)
				}
				return
			}
		}
	}()
	return c
}

func (c *capture) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.data)
}

// The first heartbeat shows that the stream is attached: from then on messages
// go by it and not by POST.
func (c *capture) waitAttached() {
	for c.size() == 0 {
		time.Sleep(10 * time.Millisecond)
	}
}

func show(kind string, messages []raftpb.Message, c *capture) {
	c.stop()
	<-c.done
	fmt.Printf("stream %s\n", kind)
	for _, m := range messages {
		b, err := m.Marshal()
		check(err)
		fmt.Printf("message %s\n", hex.EncodeToString(b))
	}
	fmt.Printf("bytes %s\n", hex.EncodeToString(c.data))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	tr := &rafthttp.Transport{
		Logger:      zap.NewNop(),
		ID:          types.ID(local),
		ClusterID:   types.ID(1),
		Raft:        noRaft{},
		ServerStats: stats.NewServerStats("", ""),
		LeaderStats: stats.NewLeaderStats("11"),
	}
	check(tr.Start())
	srv := httptest.NewServer(tr.Handler())
	tr.AddPeer(types.ID(remote), []string{"http://127.0.0.1:1"})

	fmt.Println("# Made by gen/main.go with etcd 3.4.23. What was sent, then the stream's bytes.")
	msgapp, message := dial(srv.URL, "msgapp"), dial(srv.URL, "message")
	msgapp.waitAttached()
	message.waitAttached()
	tr.Send(appends())
	tr.Send(others())
	time.Sleep(2 * time.Second) // one more heartbeat on each
	show("message", others(), message)

	again := dial(srv.URL, "msgapp") // replaces the first
	show("msgapp", appends(), msgapp)
	again.waitAttached()
	tr.Send(afterReconnect())
	time.Sleep(time.Second)
	show("msgapp", afterReconnect(), again)
}
