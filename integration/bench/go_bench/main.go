// Go's rafthttp under the workloads of //integration/bench:compare: one member
// with a do-nothing raft, which takes the flags of //integration/bench:peer that
// they need, and prints what it reads from the sender's line.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coreos/pkg/capnslog"
	"go.etcd.io/etcd/etcdserver/api/rafthttp"
	"go.etcd.io/etcd/etcdserver/api/snap"
	stats "go.etcd.io/etcd/etcdserver/api/v2stats"
	"go.etcd.io/etcd/pkg/types"
	"go.etcd.io/etcd/raft"
	"go.etcd.io/etcd/raft/raftpb"
)

const (
	ackMessages = 64
	ackBytes    = 1 << 20
	ackDelay    = time.Millisecond
)

// flow is what came of one kind of message.
type flow struct{ last, count, unanswered, bytes uint64 }

type member struct {
	id, peer  uint64
	isEcho    bool
	transport *rafthttp.Transport

	mu    sync.Mutex
	flows map[raftpb.MessageType]*flow

	onAnswer func(m raftpb.Message)
}

func (n *member) IsIDRemoved(uint64) bool                    { return false }
func (n *member) ReportUnreachable(uint64)                   {}
func (n *member) ReportSnapshot(uint64, raft.SnapshotStatus) {}
func (n *member) Process(_ context.Context, m raftpb.Message) error {
	var last, bytes uint64
	answer := raftpb.MsgHeartbeatResp
	switch m.Type {
	case raftpb.MsgApp:
		answer, last = raftpb.MsgAppResp, m.Index+uint64(len(m.Entries))
		for i := range m.Entries {
			bytes += uint64(len(m.Entries[i].Data))
		}
	case raftpb.MsgHeartbeat:
		last = m.Commit
	default:
		if n.onAnswer != nil {
			n.onAnswer(m)
		}
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.flows[answer]
	if f == nil {
		f = &flow{}
		n.flows[answer] = f
	}
	f.last = last
	f.count++
	f.unanswered++
	f.bytes += bytes
	if n.isEcho || f.unanswered >= ackMessages || f.bytes >= ackBytes {
		n.answer(answer, f)
	} else if f.unanswered == 1 {
		time.AfterFunc(ackDelay, func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			if f.unanswered > 0 {
				n.answer(answer, f)
			}
		})
	}
	return nil
}

func (n *member) answer(t raftpb.MessageType, f *flow) {
	f.unanswered, f.bytes = 0, 0
	n.transport.Send([]raftpb.Message{{Type: t, To: n.peer, From: n.id, Term: 1, Index: f.last, Commit: f.count}})
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_bench:", err)
		os.Exit(1)
	}
}

func cpuOf(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100
}

func ownCPU() float64 {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}

func percentile(sorted []time.Duration, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(p*float64(len(sorted)-1))]) / 1e3
}

// load keeps a window of messages unanswered.
type load struct {
	n               *member
	kind            raftpb.MessageType
	size            int
	entries, window uint64

	sent, acked uint64
	moved       chan struct{}
	sentAt      []time.Time
	latencies   []time.Duration
	isRecording bool
}

func (l *load) make(i uint64) raftpb.Message {
	m := raftpb.Message{Type: l.kind, To: l.n.peer, From: l.n.id, Term: 1}
	if l.kind == raftpb.MsgHeartbeat {
		m.Commit = i
		return m
	}
	m.LogTerm, m.Index, m.Commit = 1, (i-1)*l.entries, (i-1)*l.entries
	m.Entries = make([]raftpb.Entry, l.entries)
	for j := range m.Entries {
		m.Entries[j] = raftpb.Entry{Term: 1, Index: m.Index + uint64(j) + 1, Data: data[:l.size]}
	}
	return m
}

var data = make([]byte, 1<<20)

func (l *load) onAnswer(m raftpb.Message) {
	if (m.Type == raftpb.MsgAppResp) != (l.kind == raftpb.MsgApp) {
		return
	}
	i := m.Index / l.entries
	if i <= atomic.LoadUint64(&l.acked) {
		return
	}
	if l.isRecording {
		l.latencies = append(l.latencies, time.Since(l.sentAt[i%uint64(len(l.sentAt))]))
	}
	atomic.StoreUint64(&l.acked, i)
	select {
	case l.moved <- struct{}{}:
	default:
	}
}

// run sends until `end`, and waits for the answers, a second at most.
func (l *load) run(end time.Time) {
	for time.Now().Before(end) {
		if l.sent-atomic.LoadUint64(&l.acked) >= l.window {
			select {
			case <-l.moved:
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		l.sent++
		l.sentAt[l.sent%uint64(len(l.sentAt))] = time.Now()
		l.n.transport.Send([]raftpb.Message{l.make(l.sent)})
	}
	for stop := time.Now().Add(time.Second); atomic.LoadUint64(&l.acked) < l.sent && time.Now().Before(stop); {
		time.Sleep(time.Millisecond)
	}
}

func main() {
	id := flag.Uint64("id", 1, "")
	listen := flag.String("listen", "", "")
	peer := flag.String("peer", "", "id=url")
	mode := flag.String("mode", "recv", "recv, echo, send, pingpong, delay")
	kind := flag.String("type", "app", "")
	size := flag.Int("size", 128, "")
	entries := flag.Uint64("entries", 1, "")
	window := flag.Uint64("window", 1024, "")
	duration := flag.Duration("duration", time.Second, "")
	peerPID := flag.Int("peer-pid", 0, "")
	flag.Bool("json", true, "")
	flag.String("data-dir", "", "")
	flag.Parse()
	capnslog.SetGlobalLogLevel(capnslog.CRITICAL)

	parts := strings.SplitN(*peer, "=", 2)
	peerID, err := strconv.ParseUint(parts[0], 10, 64)
	check(err)
	own, err := url.Parse(*listen)
	check(err)
	urls, err := types.NewURLs([]string{*listen})
	check(err)
	n := &member{id: *id, peer: peerID, isEcho: *mode == "echo", flows: map[raftpb.MessageType]*flow{}}
	n.transport = &rafthttp.Transport{
		DialTimeout: time.Second, ID: types.ID(*id), URLs: urls, ClusterID: 0x1000, Raft: n,
		Snapshotter: snap.New(nil, os.TempDir()), ServerStats: stats.NewServerStats("", ""),
		LeaderStats: stats.NewLeaderStats(""), ErrorC: make(chan error, 16),
	}
	check(n.transport.Start())
	listener, err := rafthttp.NewListener(*own, nil)
	check(err)
	go http.Serve(listener, n.transport.Handler())
	n.transport.AddPeer(types.ID(peerID), []string{parts[1]})
	if *mode == "recv" || *mode == "echo" {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		<-signals
		return
	}

	l := &load{n: n, kind: raftpb.MsgApp, size: *size, entries: *entries, window: *window, moved: make(chan struct{}, 1)}
	if *kind == "heartbeat" {
		l.kind, l.entries = raftpb.MsgHeartbeat, 1
	}
	switch *mode {
	case "pingpong":
		l.window = 1
	case "delay":
		l.size, l.window = 1<<20, 64
	}
	if bytes := uint64(l.size) * l.entries; l.kind == raftpb.MsgApp && l.window*bytes > 64<<20 {
		l.window = 64 << 20 / bytes
	}
	l.sentAt = make([]time.Time, l.window+1)
	n.onAnswer = l.onAnswer
	for n.transport.ActivePeers() == 0 {
		time.Sleep(time.Millisecond)
	}
	// Until messages go by streams.
	time.Sleep(200 * time.Millisecond)
	l.run(time.Now().Add(300 * time.Millisecond))

	if *mode == "delay" {
		printDelay(l, *duration)
		return
	}
	l.isRecording = true
	before, cpu, peerCPU, begin := l.sent, ownCPU(), cpuOf(*peerPID), time.Now()
	l.run(begin.Add(*duration))
	seconds := time.Since(begin).Seconds()
	count := float64(l.sent - before)
	used := ownCPU() - cpu + cpuOf(*peerPID) - peerCPU
	sort.Slice(l.latencies, func(i, j int) bool { return l.latencies[i] < l.latencies[j] })
	print(map[string]interface{}{
		"msgs_s": count / seconds, "cpu_us_per_msg": used / count * 1e6, "sent": l.sent - before,
		"dropped": l.sent - atomic.LoadUint64(&l.acked), "p50_us": percentile(l.latencies, 0.5), "p99_us": percentile(l.latencies, 0.99),
	})
}

// printDelay measures heartbeats, one each 5 ms, beside appends of 1 MiB.
func printDelay(l *load, d time.Duration) {
	var mu sync.Mutex
	sentAt := map[uint64]time.Time{}
	var latencies []time.Duration
	appends := l.onAnswer
	l.n.onAnswer = func(m raftpb.Message) {
		if m.Type != raftpb.MsgHeartbeatResp {
			appends(m)
			return
		}
		mu.Lock()
		if at, ok := sentAt[m.Index]; ok {
			latencies = append(latencies, time.Since(at))
			delete(sentAt, m.Index)
		}
		mu.Unlock()
	}
	end := time.Now().Add(d)
	done := make(chan struct{})
	go func() {
		for i := uint64(1); time.Now().Before(end); i++ {
			mu.Lock()
			sentAt[i] = time.Now()
			mu.Unlock()
			l.n.transport.Send([]raftpb.Message{{Type: raftpb.MsgHeartbeat, To: l.n.peer, From: l.n.id, Term: 1, Commit: i}})
			time.Sleep(5 * time.Millisecond)
		}
		close(done)
	}()
	before := l.sent
	l.run(end)
	<-done
	mu.Lock()
	defer mu.Unlock()
	sort.Slice(latencies, func(i, j int) bool { return latencies[i] < latencies[j] })
	print(map[string]interface{}{
		"heartbeats": len(latencies), "unanswered": len(sentAt), "appends_s": float64(l.sent-before) / d.Seconds(),
		"p50_us": percentile(latencies, 0.5), "p99_us": percentile(latencies, 0.99),
	})
}

func print(result map[string]interface{}) {
	line, err := json.Marshal(result)
	check(err)
	fmt.Println(string(line))
}
