// Command gen prints raftpb values as etcd 3.4.23 encodes them, one a line:
// name, kind, hex of the bytes, and the fields as JSON. The values are seeded,
// so every run prints the same.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run main.go > ../go_vectors.txt
//
// With -check it prints nothing of that, but compares a directory's files with
// it: go_vectors.txt is what it would print, and every message of ours.txt,
// which our encoder wrote, decodes to the very same value.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run main.go -check ..
//
// It needs Debian's golang-etcd-server-dev.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/ioutil"
	"log"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	pb "go.etcd.io/etcd/raft/raftpb"
)

const header = "# Made by gen/main.go with etcd 3.4.23's raftpb. Name, kind, bytes, fields.\n"

// A vector is one line. The value is a pointer to a struct of raftpb.
type vector struct {
	name, kind string
	value      interface{ Marshal() ([]byte, error) }
	fields     interface{}
}

// A source makes values by chance, the special ones more often than the others.
type source struct{ *rand.Rand }

var borders = []uint64{0, 0, 1, 2, 127, 128, 16383, 16384, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1}

func (s source) number() uint64 {
	if s.Intn(2) == 0 {
		return borders[s.Intn(len(borders))]
	}
	return s.Uint64() >> uint(s.Intn(64))
}

// Nil and empty are two things on the wire.
func (s source) bytes() []byte {
	switch s.Intn(6) {
	case 0:
		return nil
	case 1:
		return []byte{}
	case 2:
		return []byte("\x00\xff\x80 \"quoted\"")
	}
	b := make([]byte, 1+s.Intn(40))
	s.Read(b)
	return b
}

func (s source) numbers(max int) []uint64 {
	var ns []uint64
	for i := s.Intn(max + 1); i > 0; i-- {
		ns = append(ns, s.number())
	}
	return ns
}

func (s source) flag() bool { return s.Intn(2) == 0 }

func (s source) entry() pb.Entry {
	return pb.Entry{Type: pb.EntryType(s.Intn(3)), Term: s.number(), Index: s.number(), Data: s.bytes()}
}

func (s source) confState() pb.ConfState {
	return pb.ConfState{Voters: s.numbers(5), Learners: s.numbers(3), VotersOutgoing: s.numbers(3),
		LearnersNext: s.numbers(2), AutoLeave: s.flag()}
}

func (s source) snapshot() pb.Snapshot {
	return pb.Snapshot{Data: s.bytes(), Metadata: pb.SnapshotMetadata{
		ConfState: s.confState(), Index: s.number(), Term: s.number()}}
}

// A snapshot comes in a MsgSnap only: our encoder leaves it out of others.
func (s source) message(t pb.MessageType) pb.Message {
	m := pb.Message{Type: t, To: s.number(), From: s.number(), Term: s.number(), LogTerm: s.number(),
		Index: s.number(), Commit: s.number(), Reject: s.flag(), RejectHint: s.number(), Context: s.bytes()}
	for i := s.Intn(4); i > 0; i-- {
		m.Entries = append(m.Entries, s.entry())
	}
	if t == pb.MsgSnap {
		m.Snapshot = s.snapshot()
	}
	// Real messages have most fields at zero.
	v := reflect.ValueOf(&m).Elem()
	for i := 1; i < v.NumField(); i++ {
		if s.Intn(4) == 0 {
			v.Field(i).Set(reflect.Zero(v.Field(i).Type()))
		}
	}
	return m
}

func (s source) confChange(t pb.ConfChangeType) pb.ConfChange {
	return pb.ConfChange{ID: s.number(), Type: t, NodeID: s.number(), Context: s.bytes()}
}

func (s source) confChangeV2(t pb.ConfChangeTransition, changes int) pb.ConfChangeV2 {
	c := pb.ConfChangeV2{Transition: t, Context: s.bytes()}
	for i := 0; i < changes; i++ {
		c.Changes = append(c.Changes, pb.ConfChangeSingle{Type: pb.ConfChangeType(s.Intn(4)), NodeID: s.number()})
	}
	return c
}

func proposed(c pb.ConfChangeI) *pb.Entry {
	t, data, err := pb.MarshalConfChange(c)
	check(err)
	return &pb.Entry{Type: t, Term: 3, Index: 9, Data: data}
}

func messages() []vector {
	var vs []vector
	add := func(name string, m pb.Message) {
		vs = append(vs, vector{name: name, kind: "Message", value: &m})
	}
	// The last ones are types that 3.4 has no name for.
	for _, t := range []pb.MessageType{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 23, 24, 1<<31 - 1, -1} {
		s := source{rand.New(rand.NewSource(int64(t)))}
		add(fmt.Sprintf("%v/zero", t), pb.Message{Type: t})
		for i := 0; i < 8; i++ {
			add(fmt.Sprintf("%v/%d", t, i), s.message(t))
		}
	}
	all := uint64(1<<64 - 1)
	add("MsgApp/max", pb.Message{Type: pb.MsgApp, To: all, From: all, Term: all, LogTerm: all, Index: all,
		Entries: []pb.Entry{{Type: 2, Term: all, Index: all, Data: []byte{0xff}}}, Commit: all, Reject: true,
		RejectHint: all, Context: []byte{0xff}})
	long := pb.Message{Type: pb.MsgApp, To: 1, From: 2, Term: 2, LogTerm: 2, Index: 7}
	for _, size := range []int{0, 127, 128, 5000} { // lengths of one and two bytes; data that is not copied
		long.Entries = append(long.Entries, pb.Entry{Term: 2, Index: 8 + uint64(len(long.Entries)), Data: bytes.Repeat([]byte{'x'}, size)})
	}
	add("MsgApp/long", long)
	many := pb.Message{Type: pb.MsgApp, To: 1, From: 2, Term: 2, LogTerm: 2, Index: 7}
	for i := uint64(8); i < 72; i++ {
		many.Entries = append(many.Entries, pb.Entry{Term: 2, Index: i})
	}
	add("MsgApp/many", many)
	add("MsgApp/unknownEntryType", pb.Message{Type: pb.MsgApp, To: 1, From: 2, Entries: []pb.Entry{{Type: 3, Term: 2, Index: 7, Data: []byte("abc")}}})
	return vs
}

func vectors() []vector {
	vs := messages()
	s := source{rand.New(rand.NewSource(1))}
	for t := pb.EntryNormal; t <= 3; t++ { // 3 has no name
		vs = append(vs, vector{name: fmt.Sprintf("%v/zero", t), kind: "Entry", value: &pb.Entry{Type: t}})
		for i := 0; i < 6; i++ {
			e := s.entry()
			e.Type = t
			vs = append(vs, vector{name: fmt.Sprintf("%v/%d", t, i), kind: "Entry", value: &e})
		}
	}
	for i := 0; i < 12; i++ {
		state, snapshot := s.confState(), s.snapshot()
		hard := pb.HardState{Term: s.number(), Vote: s.number(), Commit: s.number()}
		if i == 0 {
			state, snapshot, hard = pb.ConfState{}, pb.Snapshot{}, pb.HardState{}
		}
		vs = append(vs,
			vector{name: fmt.Sprintf("ConfState/%d", i), kind: "ConfState", value: &state},
			vector{name: fmt.Sprintf("SnapshotMetadata/%d", i), kind: "SnapshotMetadata", value: &snapshot.Metadata},
			vector{name: fmt.Sprintf("Snapshot/%d", i), kind: "Snapshot", value: &snapshot},
			vector{name: fmt.Sprintf("HardState/%d", i), kind: "HardState", value: &hard})
	}

	v1 := []pb.ConfChange{{}, {Type: 4, NodeID: 5}} // 4 has no name
	for t := pb.ConfChangeAddNode; t <= pb.ConfChangeAddLearnerNode; t++ {
		v1 = append(v1, s.confChange(t), s.confChange(t), s.confChange(t))
	}
	v2 := []pb.ConfChangeV2{{}, {Context: []byte("only a context")}, {Changes: []pb.ConfChangeSingle{{Type: 4, NodeID: 5}}}}
	for t := pb.ConfChangeTransitionAuto; t <= pb.ConfChangeTransitionJointExplicit; t++ {
		for changes := 0; changes < 4; changes++ {
			v2 = append(v2, s.confChangeV2(t, changes), s.confChangeV2(t, changes))
		}
	}
	for i := range v1 {
		name := fmt.Sprintf("ConfChange/%d", i)
		asV2 := v1[i].AsV2()
		vs = append(vs, vector{name: name, kind: "ConfChange", value: &v1[i]},
			vector{name: name + "/asV2", kind: "ConfChangeV2", value: &asV2},
			vector{name: name + "/proposed", kind: "Entry", value: proposed(v1[i])})
	}
	for i := range v2 {
		name := fmt.Sprintf("ConfChangeV2/%d", i)
		autoLeave, enterJoint := v2[i].EnterJoint()
		vs = append(vs, vector{name: name, kind: "ConfChangeV2", value: &v2[i]},
			vector{name: name + "/proposed", kind: "Entry", value: proposed(v2[i])},
			vector{name: name + "/joint", kind: "Joint", value: &v2[i], fields: map[string]bool{
				"enterJoint": enterJoint, "autoLeave": autoLeave, "leaveJoint": v2[i].LeaveJoint()}})
	}
	return vs
}

// The fields under their protobuf names: enums by number, bytes in hex, and what
// is not on the wire left out.
func dump(v reflect.Value) interface{} {
	switch v.Kind() {
	case reflect.Struct:
		fields := map[string]interface{}{}
		for i := 0; i < v.NumField(); i++ {
			for _, part := range strings.Split(v.Type().Field(i).Tag.Get("protobuf"), ",") {
				if strings.HasPrefix(part, "name=") && !(v.Field(i).Kind() == reflect.Slice && v.Field(i).IsNil()) {
					fields[part[len("name="):]] = dump(v.Field(i))
				}
			}
		}
		return fields
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return hex.EncodeToString(v.Bytes())
		}
		list := []interface{}{}
		for i := 0; i < v.Len(); i++ {
			list = append(list, dump(v.Index(i)))
		}
		return list
	}
	return v.Interface()
}

func show() string {
	var out strings.Builder
	out.WriteString(header)
	for _, v := range vectors() {
		b, err := v.value.Marshal()
		check(err)
		fields := v.fields
		if fields == nil {
			fields = dump(reflect.ValueOf(v.value).Elem())
		}
		j, err := json.Marshal(fields)
		check(err)
		// "-" stands for no bytes.
		h := hex.EncodeToString(b)
		if h == "" {
			h = "-"
		}
		fmt.Fprintf(&out, "%s %s %s %s\n", v.name, v.kind, h, j)
	}
	return out.String()
}

// Compares line by line what our encoder wrote: name, form, hex. In the form
// "vote" it has 3.6's field 13, which 3.4 keeps without reading it.
func checkOurs(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	want := map[string]*pb.Message{}
	for _, v := range messages() {
		want[v.name] = v.value.(*pb.Message)
	}
	seen := map[string]bool{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		parts := strings.Fields(lines.Text())
		if len(parts) != 3 {
			return fmt.Errorf("%s:%d: not three words", path, n)
		}
		name, form := parts[0], parts[1]
		b, err := hex.DecodeString(parts[2])
		if err != nil {
			return fmt.Errorf("%s:%d: %v", path, n, err)
		}
		var got pb.Message
		if err := got.Unmarshal(b); err != nil {
			return fmt.Errorf("%s:%d: %s: %v", path, n, name, err)
		}
		if form == "vote" {
			if !bytes.Equal(got.XXX_unrecognized, []byte{0x68, 5}) {
				return fmt.Errorf("%s:%d: %s: no vote 5 but %x", path, n, name, got.XXX_unrecognized)
			}
			got.XXX_unrecognized = nil
		}
		if want[name] == nil {
			return fmt.Errorf("%s:%d: no message is named %s", path, n, name)
		}
		if !reflect.DeepEqual(got, *want[name]) {
			return fmt.Errorf("%s:%d: %s (%s): got %+v, want %+v", path, n, name, form, got, *want[name])
		}
		if form == "plain" {
			seen[name] = true
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	for name := range want {
		if !seen[name] {
			return fmt.Errorf("%s: no %s", path, name)
		}
	}
	fmt.Printf("%s: Go decodes each of %d messages to the same value\n", path, len(seen))
	return nil
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	dir := flag.String("check", "", "compare this directory's files instead")
	flag.Parse()
	if *dir == "" {
		fmt.Print(show())
		return
	}
	path := filepath.Join(*dir, "go_vectors.txt")
	have, err := ioutil.ReadFile(path)
	check(err)
	if string(have) != show() {
		log.Fatalf("%s is not what this program prints", path)
	}
	fmt.Printf("%s: up to date\n", path)
	check(checkOurs(filepath.Join(*dir, "ours.txt")))
}
