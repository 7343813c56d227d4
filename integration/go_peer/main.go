// A raft member on etcd's own rafthttp, for tests of ours beside it. It has no
// raft: it sends the numbered messages that it is told to, and checks and counts
// those that come.
//
// It prints one line of JSON, {"peer": URL, "control": URL}, and then obeys
// POSTs of JSON to the control URL, each of which is answered with JSON.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"go.etcd.io/etcd/etcdserver/api/rafthttp"
	"go.etcd.io/etcd/etcdserver/api/snap"
	stats "go.etcd.io/etcd/etcdserver/api/v2stats"
	"go.etcd.io/etcd/pkg/types"
	"go.etcd.io/etcd/raft"
	"go.etcd.io/etcd/raft/raftpb"
)

// How long a command may wait for what it waits for.
const patience = 60 * time.Second

// What messages of one type have come to.
type tally struct {
	Count    uint64 `json:"count"`
	Last     uint64 `json:"last"`     // highest number
	Repeated uint64 `json:"repeated"` // came before
	Disorder uint64 `json:"disorder"` // came after a higher one
	Bad      uint64 `json:"bad"`      // contents are not those of the number
}

type member struct {
	id          uint64
	transport   *rafthttp.Transport
	snapshotter *snap.Snapshotter

	mu          sync.Mutex
	changed     *sync.Cond
	received    map[string]*tally
	seen        map[string]map[uint64]bool
	removed     map[uint64]bool
	unreachable map[uint64]uint64
	snapshots   map[string]uint64
	errors      []string
	fails       bool // Process does
	streams     map[string]int
}

// number tells which one a message is; dataOf what an entry must hold.
func number(m *raftpb.Message) uint64 {
	switch m.Type {
	case raftpb.MsgApp:
		return m.Index
	case raftpb.MsgHeartbeat:
		return m.Commit
	default:
		return m.Index
	}
}

func dataOf(index uint64, size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(index*31 + uint64(i)*7)
	}
	return data
}

func checkEntries(m *raftpb.Message) bool {
	for i := range m.Entries {
		e := &m.Entries[i]
		if e.Index != m.Index+uint64(i)+1 || string(e.Data) != string(dataOf(e.Index, len(e.Data))) {
			return false
		}
	}
	return true
}

func (n *member) Process(ctx context.Context, m raftpb.Message) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := m.Type.String()
	t := n.received[name]
	if t == nil {
		t = &tally{}
		n.received[name] = t
		n.seen[name] = map[uint64]bool{}
	}
	k := number(&m)
	t.Count++
	if n.seen[name][k] {
		t.Repeated++
	}
	n.seen[name][k] = true
	if k < t.Last {
		t.Disorder++
	} else {
		t.Last = k
	}
	if m.To != n.id || !checkEntries(&m) {
		t.Bad++
	}
	n.changed.Broadcast()
	if n.fails {
		return errors.New("told to fail")
	}
	return nil
}

func (n *member) IsIDRemoved(id uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.removed[id]
}

func (n *member) ReportUnreachable(id uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unreachable[id]++
	n.changed.Broadcast()
}

func (n *member) ReportSnapshot(id uint64, status raft.SnapshotStatus) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if status == raft.SnapshotFinish {
		n.snapshots["finish"]++
	} else {
		n.snapshots["failure"]++
	}
	n.changed.Broadcast()
}

// await waits until holds() does, with the lock held; false after patience.
func (n *member) await(holds func() bool) bool {
	end := time.Now().Add(patience)
	timer := time.AfterFunc(patience, func() { n.changed.Broadcast() })
	defer timer.Stop()
	for !holds() {
		if time.Now().After(end) {
			return false
		}
		n.changed.Wait()
	}
	return true
}

type command struct {
	Do    string   `json:"do"`
	ID    string   `json:"id"` // hex
	URLs  []string `json:"urls"`
	Type  string   `json:"type"`
	First uint64   `json:"first"`
	Count uint64   `json:"count"`
	Bytes int      `json:"bytes"`
	Name  string   `json:"name"`
	Flag  bool     `json:"flag"`
	Path  string   `json:"path"`
}

// makeFile writes size bytes, no two MiB alike, without holding them.
func makeFile(path string, size int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i*i>>3 + i)
	}
	for k := uint64(0); size > 0; k++ {
		binary.BigEndian.PutUint64(block, k)
		n := len(block)
		if size < n {
			n = size
		}
		if _, err := f.Write(block[:n]); err != nil {
			return err
		}
		size -= n
	}
	return nil
}

func sha256Of(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (n *member) build(c *command, to, k uint64) raftpb.Message {
	t := raftpb.MessageType(raftpb.MessageType_value[c.Type])
	m := raftpb.Message{Type: t, To: to, From: n.id, Term: 1}
	switch t {
	case raftpb.MsgApp:
		m.LogTerm, m.Index, m.Commit = 1, k, k
		m.Entries = []raftpb.Entry{{Term: 1, Index: k + 1, Data: dataOf(k+1, c.Bytes)}}
	case raftpb.MsgHeartbeat:
		m.Commit = k
	case raftpb.MsgProp:
		m.Term = 0
		m.Index = k
		m.Entries = []raftpb.Entry{{Data: nil, Index: k + 1}}
	case raftpb.MsgSnap:
		m.Index = k
		m.Snapshot = raftpb.Snapshot{Data: dataOf(k, c.Bytes), Metadata: raftpb.SnapshotMetadata{Index: k, Term: 1}}
	default:
		m.Index = k
	}
	return m
}

func (n *member) obey(c *command) (interface{}, error) {
	id := uint64(0)
	if c.ID != "" {
		parsed, err := strconv.ParseUint(c.ID, 16, 64)
		if err != nil {
			return nil, err
		}
		id = parsed
	}
	switch c.Do {
	case "add_peer":
		n.transport.AddPeer(types.ID(id), c.URLs)
	case "add_remote":
		n.transport.AddRemote(types.ID(id), c.URLs)
	case "remove_peer":
		n.transport.RemovePeer(types.ID(id))
	case "update_peer":
		n.transport.UpdatePeer(types.ID(id), c.URLs)
	case "mark_removed":
		n.mu.Lock()
		n.removed[id] = true
		n.mu.Unlock()
	case "fail":
		n.mu.Lock()
		n.fails = c.Flag
		n.mu.Unlock()
	case "pause":
		n.transport.Pause()
	case "resume":
		n.transport.Resume()
	case "cut":
		n.transport.CutPeer(types.ID(id))
	case "mend":
		n.transport.MendPeer(types.ID(id))
	case "send":
		for k := c.First; k < c.First+c.Count; k++ {
			n.transport.Send([]raftpb.Message{n.build(c, id, k)})
		}
	case "await_received":
		n.mu.Lock()
		defer n.mu.Unlock()
		if !n.await(func() bool { t := n.received[c.Type]; return t != nil && t.Count >= c.Count }) {
			return nil, fmt.Errorf("of %d %s only %+v came", c.Count, c.Type, n.received[c.Type])
		}
		return *n.received[c.Type], nil
	case "await_streams":
		n.mu.Lock()
		defer n.mu.Unlock()
		hex := types.ID(id).String()
		if !n.await(func() bool { return n.streams["msgapp/"+hex] > 0 && n.streams["message/"+hex] > 0 }) {
			return nil, errors.New("no streams were opened")
		}
	case "await_unreachable":
		n.mu.Lock()
		defer n.mu.Unlock()
		if !n.await(func() bool { return n.unreachable[id] > 0 }) {
			return nil, errors.New("it is not reported unreachable")
		}
	case "await_error":
		n.mu.Lock()
		defer n.mu.Unlock()
		if !n.await(func() bool { return len(n.errors) > 0 }) {
			return nil, errors.New("no error was reported")
		}
		return n.errors[0], nil
	case "await_snapshot":
		n.mu.Lock()
		defer n.mu.Unlock()
		if !n.await(func() bool { return n.snapshots[c.Name] > 0 }) {
			return nil, fmt.Errorf("no snapshot %s: %v", c.Name, n.snapshots)
		}
	case "make_file":
		return "ok", makeFile(c.Path, c.Bytes)
	case "sha256":
		return sha256Of(c.Path)
	case "db_file":
		return n.snapshotter.DBFilePath(c.First)
	case "send_snapshot":
		f, err := os.Open(c.Path)
		if err != nil {
			return nil, err
		}
		about, err := f.Stat()
		if err != nil {
			return nil, err
		}
		m := snap.NewMessage(n.build(&command{Type: "MsgSnap", Bytes: 100}, id, c.First), f, about.Size())
		n.transport.SendSnapshot(*m)
	case "save_snap":
		m := n.build(&command{Type: "MsgSnap", Bytes: c.Bytes}, id, c.First)
		m.Snapshot.Metadata.ConfState = raftpb.ConfState{Voters: []uint64{1, id}, Learners: []uint64{7}}
		return "ok", n.snapshotter.SaveSnap(m.Snapshot)
	case "load_snap":
		s, err := n.snapshotter.Load()
		if err != nil {
			return nil, err
		}
		return map[string]interface{}{"index": s.Metadata.Index, "term": s.Metadata.Term, "data": hex.EncodeToString(s.Data), "voters": s.Metadata.ConfState.Voters}, nil
	case "await_active":
		end := time.Now().Add(patience)
		for (!n.transport.ActiveSince(types.ID(id)).IsZero()) != c.Flag {
			if time.Now().After(end) {
				return nil, errors.New("it does not change")
			}
			time.Sleep(5 * time.Millisecond)
		}
	case "forget":
		n.mu.Lock()
		n.received, n.seen, n.unreachable = map[string]*tally{}, map[string]map[uint64]bool{}, map[uint64]uint64{}
		n.mu.Unlock()
	case "received":
		n.mu.Lock()
		defer n.mu.Unlock()
		result := map[string]tally{}
		for name, t := range n.received {
			result[name] = *t
		}
		return result, nil
	case "stop":
		n.transport.Stop()
	default:
		return nil, fmt.Errorf("unknown command %q", c.Do)
	}
	return "ok", nil
}

func main() {
	idText := flag.String("id", "1", "own ID, hex")
	clusterText := flag.String("cluster-id", "1000", "hex")
	listenURL := flag.String("listen", "http://127.0.0.1:0", "own peer URL")
	dir := flag.String("dir", "", "where received snapshots go")
	flag.Parse()
	id, err := strconv.ParseUint(*idText, 16, 64)
	check(err)
	cluster, err := strconv.ParseUint(*clusterText, 16, 64)
	check(err)
	parsed, err := url.Parse(*listenURL)
	check(err)
	// As etcd does, with its time limits on each connection.
	listener, err := rafthttp.NewListener(*parsed, nil)
	check(err)
	parsed.Host = listener.Addr().String()
	urls, err := types.NewURLs([]string{parsed.String()})
	check(err)

	n := &member{
		id: id, received: map[string]*tally{}, seen: map[string]map[uint64]bool{}, removed: map[uint64]bool{},
		unreachable: map[uint64]uint64{}, snapshots: map[string]uint64{}, streams: map[string]int{},
	}
	n.changed = sync.NewCond(&n.mu)
	n.snapshotter = snap.New(nil, *dir)
	errorC := make(chan error, 16)
	n.transport = &rafthttp.Transport{
		DialTimeout: 2 * time.Second, ID: types.ID(id), URLs: urls, ClusterID: types.ID(cluster), Raft: n,
		Snapshotter: n.snapshotter, ServerStats: stats.NewServerStats("go", types.ID(id).String()),
		LeaderStats: stats.NewLeaderStats(types.ID(id).String()), ErrorC: errorC,
	}
	check(n.transport.Start())
	go func() {
		for err := range errorC {
			n.mu.Lock()
			n.errors = append(n.errors, err.Error())
			n.changed.Broadcast()
			n.mu.Unlock()
		}
	}()
	handler := n.transport.Handler()
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const prefix = "/raft/stream/"
		if len(r.URL.Path) > len(prefix) && r.URL.Path[:len(prefix)] == prefix {
			n.mu.Lock()
			n.streams[r.URL.Path[len(prefix):]]++
			n.changed.Broadcast()
			n.mu.Unlock()
		}
		handler.ServeHTTP(w, r)
	}))

	control, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	line, _ := json.Marshal(map[string]string{"peer": parsed.String(), "control": "http://" + control.Addr().String()})
	fmt.Println(string(line))
	check(http.Serve(control, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var c command
		err := json.NewDecoder(r.Body).Decode(&c)
		var result interface{}
		if err == nil {
			result, err = n.obey(&c)
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			result = err.Error()
		}
		json.NewEncoder(w).Encode(result)
	})))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_peer:", err)
		os.Exit(1)
	}
}
