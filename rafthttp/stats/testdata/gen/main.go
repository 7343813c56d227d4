// Command gen prints what etcd 3.4.23's v2stats makes of given requests, as
// JSON, and how Go prints the values in it. The clock is Go's fake one, which
// moves only in Sleep, so every run prints the same:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run -tags faketime main.go ../go_vectors.txt
//
// With -check it compares the file with that instead of writing it. It needs
// Debian's golang-etcd-server-dev.
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/ioutil"
	"log"
	"math"
	"math/rand"
	"os"
	"strings"
	"time"

	stats "go.etcd.io/etcd/etcdserver/api/v2stats"
)

const header = "# Made by gen/main.go with etcd 3.4.23's v2stats; see README.md.\n"

var out strings.Builder

// A line is a kind, what goes in as JSON, and what comes out. Where Go cannot
// say it as JSON, that is "-".
func line(kind string, in interface{}, text []byte) {
	if len(text) == 0 {
		text = []byte("-")
	}
	b, err := json.Marshal(in)
	check(err)
	fmt.Fprintf(&out, "%s\t%s\t%s\n", kind, b, text)
}

// A step is a name and numbers: ["sleep", nanoseconds], ["recv", leader, bytes],
// ["send", bytes], ["lead"], ["show"], and for leaders ["add", follower],
// ["succ", follower, nanoseconds], ["fail", follower], ["remove", follower].
type step []interface{}

type script struct {
	Name  string `json:"name"`
	ID    string `json:"id"`
	Start int64  `json:"start"` // Unix nanoseconds
	Zone  int    `json:"zone"`  // seconds east
	Steps []step `json:"steps"`
}

// Each "show" makes a line with the steps so far. It is a step itself, since
// asking may empty the rings.
func server(name string, zone int, steps []step) {
	time.Local = time.FixedZone("", zone)
	s := script{Name: name, ID: "8e9e05c52164694d", Start: time.Now().UnixNano(), Zone: zone}
	ss := stats.NewServerStats(s.Name, s.ID)
	for _, st := range steps {
		s.Steps = append(s.Steps, st)
		switch st[0] {
		case "sleep":
			time.Sleep(time.Duration(st[1].(int)))
		case "recv":
			ss.RecvAppendReq(st[1].(string), st[2].(int))
		case "send":
			ss.SendAppendReq(st[1].(int))
		case "lead":
			ss.BecomeLeader()
		case "show":
			line("ServerStats", s, ss.JSON())
		}
	}
}

func servers() {
	const ms = int(time.Millisecond)
	server("m0", 0, []step{{"show"}, {"sleep", 1}, {"show"}, {"lead"}, {"sleep", 61234 * ms}, {"show"}})
	server("default", 7200, []step{
		{"sleep", 1500}, {"recv", "a", 100}, {"show"}, {"sleep", 250 * ms}, {"recv", "a", 50}, {"show"},
		{"sleep", 1000 * ms}, {"show"}, {"sleep", 1}, {"show"}, {"recv", "a", 1}, {"sleep", 3}, {"recv", "a", 2}, {"show"},
		{"recv", "bb0123456789abcd", 7}, {"sleep", 90*60*1000*ms + 1}, {"show"}})
	server("<\"&'> \u00e9\n", -12600, []step{
		{"send", 1}, {"sleep", 123456789}, {"send", 1 << 20}, {"show"}, {"recv", "c0ffee", 9}, {"sleep", 33 * ms},
		{"recv", "c0ffee", 0}, {"show"}, {"send", 5}, {"lead"}, {"show"}})
	server("", 45*60+5*3600, []step{{"send", 0}, {"sleep", 999999999}, {"send", 0}, {"sleep", 1000 * ms}, {"show"}})

	// More than the ring holds, at uneven times.
	random := rand.New(rand.NewSource(1))
	for _, n := range []int{199, 200, 201, 333} {
		var steps []step
		for i := 0; i < n; i++ {
			steps = append(steps, step{"send", random.Intn(1 << 16)}, step{"sleep", random.Intn(1 << 22)})
			if i%3 == 0 {
				steps = append(steps, step{"recv", "1", random.Intn(1 << 10)})
			}
		}
		server("ring", 3600, append(steps, step{"show"}))
	}
}

func leader(steps []step) {
	ls := stats.NewLeaderStats("8e9e05c52164694d")
	done := []step{}
	for _, st := range steps {
		if st[0] != "show" {
			done = append(done, st)
		}
		switch st[0] {
		case "succ":
			ls.Follower(st[1].(string)).Succ(time.Duration(st[2].(int)))
		case "fail":
			ls.Follower(st[1].(string)).Fail()
		case "add":
			ls.Follower(st[1].(string))
		case "remove":
			delete(ls.Followers, st[1].(string))
		case "show":
			line("LeaderStats", done, ls.JSON())
		}
	}
}

func leaders() {
	leader([]step{{"show"}, {"add", "b"}, {"show"}, {"fail", "b"}, {"show"}, {"succ", "b", 1234567}, {"show"},
		{"succ", "a", 1}, {"succ", "9", 1000000}, {"succ", "b", 17}, {"show"}, {"remove", "b"}, {"show"}, {"add", "b"}, {"show"}})
	leader([]step{{"succ", "1", 100000}, {"succ", "1", 100000}, {"show"}, {"succ", "1", 100000}, {"show"}})
	// Equal latencies whose squares do not add up: a deviation that is no number.
	for _, d := range []int{123457, 700001, 1300007} {
		var steps []step
		for i := 0; i < 12; i++ {
			steps = append(steps, step{"succ", "1", d}, step{"show"})
		}
		leader(steps)
	}
	random := rand.New(rand.NewSource(2))
	for _, n := range []int{10, 100, 300} {
		var steps []step
		for i := 0; i < n; i++ {
			id := fmt.Sprintf("%x", 1+random.Intn(3))
			if random.Intn(10) == 0 {
				steps = append(steps, step{"fail", id})
			} else {
				steps = append(steps, step{"succ", id, random.Intn(1 << uint(1+random.Intn(40)))})
			}
		}
		leader(append(steps, step{"show"}))
	}
}

func values() {
	for _, f := range []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1.5, 100, 123456789, 1e-6, 9.999999e-7, 1e-7, 1.25e-10, 1e-100, 1e20, 999999999999999999999, 1e21, 1.5e21, 1e22, 1e100, -1e100,
		1 << 53, 1<<53 + 2, 1 << 63, 1 << 62, 1.0 / 3, 2.0 / 3, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Pi, 5e-324, 0.000001234, 123456.789e3} {
		b, err := json.Marshal(f)
		check(err)
		line("Float", fmt.Sprintf("%x", math.Float64bits(f)), b)
	}
	random := rand.New(rand.NewSource(3))
	for i := 0; i < 100; i++ {
		f := math.Float64frombits(random.Uint64())
		if i%2 == 0 {
			f = float64(random.Intn(1<<40)) / 1e6
		}
		if b, err := json.Marshal(f); err == nil {
			line("Float", fmt.Sprintf("%x", math.Float64bits(f)), b)
		}
	}

	for _, s := range []string{"", "m0", "<\"&'>/\\", "\x00\x01\t\n\r\b\f\x1f\x7f", "\u00e9\u07ff\u0800\u2027\u2028\u2029\u202a\ud7ff\ue000\ufffd\uffff\U00010000\U0001f600\U0010ffff",
		"\xff", "a\x80b", "\xc3", "\xc3(", "\xe2\x82", "\xe2\x82a", "\xed\xa0\x80", "\xc0\xaf", "\xe0\x9f\xbf", "\xf0\x9f\x98", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x98\x80\x80", "\xe2\x80\xa7\xe2\x80"} {
		b, err := json.Marshal(s)
		check(err)
		line("String", hex.EncodeToString([]byte(s)), b)
	}

	for _, d := range []time.Duration{0, 1, 999, 1000, 1001, 1500, 999999, 1e6, 1000001, 1500000, 999999999, 1e9, 1e9 + 1, 1.5e9, 59999999999, 60e9, 61e9, 3600e9, 3600e9 + 1,
		3661e9, 36000e9, 86400e9, 100*3600e9 + 5, 1<<63 - 1, -1, -1500, -60e9, -1 << 63} {
		line("Duration", int64(d), []byte(d.String()))
	}

	for _, zone := range []int{0, 3600, -3600, 5*3600 + 45*60, -12600, 14 * 3600, -30 * 60} {
		for _, ns := range []int64{0, 1, 100, 123456789, 1257894000000000000, 1257894000500000000, 1257894000000000001, 1700000000120000000, -1} {
			b, err := json.Marshal(time.Unix(0, ns).In(time.FixedZone("", zone)))
			check(err)
			line("Time", []int64{ns, int64(zone)}, b)
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	if time.Now().Unix() != 1257894000 {
		log.Fatal("this is not the fake clock: build with -tags faketime")
	}
	out.WriteString(header)
	values()
	servers()
	leaders()
	path := os.Args[len(os.Args)-1]
	if os.Args[1] != "-check" {
		check(ioutil.WriteFile(path, []byte(out.String()), 0666))
		return
	}
	have, err := ioutil.ReadFile(path)
	check(err)
	if string(have) != out.String() {
		log.Fatalf("%s is not what this program makes", path)
	}
}
