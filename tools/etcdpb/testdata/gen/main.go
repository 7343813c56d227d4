// Command gen writes one raftpb.Entry for each kind of operation into
// ../entries, marshalled by etcd 3.4's own code:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run main.go ../entries
//
// It needs Debian's golang-etcd-server-dev. What only 3.5 and 3.6 know is put
// together by hand, field by field.
package main

import (
	"encoding/binary"
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/auth/authpb"
	"go.etcd.io/etcd/etcdserver/api/membership"
	pb "go.etcd.io/etcd/etcdserver/etcdserverpb"
	"go.etcd.io/etcd/pkg/types"
	"go.etcd.io/etcd/raft/raftpb"
)

type marshaler interface{ Marshal() ([]byte, error) }

func must(data []byte, err error) []byte {
	if err != nil {
		log.Fatal(err)
	}
	return data
}

func encode(m marshaler) []byte { return must(m.Marshal()) }

// bytesField is a length-delimited field as it stands on the wire.
func bytesField(number uint64, data []byte) []byte {
	out := appendUvarint(nil, number<<3|2)
	out = appendUvarint(out, uint64(len(data)))
	return append(out, data...)
}

func varintField(number, value uint64) []byte {
	return appendUvarint(appendUvarint(nil, number<<3), value)
}

func appendUvarint(out []byte, value uint64) []byte {
	var buf [binary.MaxVarintLen64]byte
	return append(out, buf[:binary.PutUvarint(buf[:], value)]...)
}

func join(parts ...[]byte) []byte {
	var out []byte
	for _, part := range parts {
		out = append(out, part...)
	}
	return out
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: main FOLDER")
	}
	index := uint64(0)
	write := func(name string, kind raftpb.EntryType, data []byte) {
		index++
		entry := raftpb.Entry{Type: kind, Term: 2, Index: index, Data: data}
		path := filepath.Join(os.Args[1], name)
		if err := os.WriteFile(path, encode(&entry), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	normal := func(name string, data []byte) { write(name, raftpb.EntryNormal, data) }
	internal := func(name string, request pb.InternalRaftRequest) {
		request.Header = &pb.RequestHeader{ID: 0x1122334455667788}
		normal(name, encode(&request))
	}
	newer := func(name string, number uint64, body ...[]byte) {
		header := bytesField(100, varintField(1, 7))
		normal(name, join(header, bytesField(number, join(body...))))
	}

	normal("empty", nil)

	// Keys and values.
	internal("put", pb.InternalRaftRequest{
		Put: &pb.PutRequest{Key: []byte("key1"), Value: []byte("val1")}})
	internal("put_all_fields", pb.InternalRaftRequest{
		Put: &pb.PutRequest{Key: []byte("k"), Lease: 0x694d7d6b9cb8a5e2,
			PrevKv: true, IgnoreValue: true, IgnoreLease: true}})
	internal("put_binary", pb.InternalRaftRequest{
		Put: &pb.PutRequest{Key: []byte("\xffk"), Value: []byte("\x00\xc3\x28")}})
	internal("put_escapes", pb.InternalRaftRequest{
		Put: &pb.PutRequest{Key: []byte("a b\x1b[2J"),
			Value: []byte("\"\\\n\u009b31m\u202ehé")}})
	normal("put_by_user", encode(&pb.InternalRaftRequest{
		Header: &pb.RequestHeader{ID: 9, Username: "root", AuthRevision: 5},
		Put:    &pb.PutRequest{Key: []byte("k"), Value: []byte("v")}}))
	internal("range", pb.InternalRaftRequest{
		Range: &pb.RangeRequest{Key: []byte("a")}})
	internal("range_all_fields", pb.InternalRaftRequest{
		Range: &pb.RangeRequest{Key: []byte("a"), RangeEnd: []byte{0},
			Limit: 1, Revision: 2, SortOrder: pb.RangeRequest_DESCEND,
			SortTarget: pb.RangeRequest_VALUE, Serializable: true,
			KeysOnly: true, CountOnly: true, MinModRevision: 3,
			MaxModRevision: 4, MinCreateRevision: 5, MaxCreateRevision: 6}})
	internal("delete_range", pb.InternalRaftRequest{
		DeleteRange: &pb.DeleteRangeRequest{Key: []byte("a"),
			RangeEnd: []byte("b"), PrevKv: true}})
	internal("delete_one", pb.InternalRaftRequest{
		DeleteRange: &pb.DeleteRangeRequest{Key: []byte("a")}})
	internal("compaction", pb.InternalRaftRequest{
		Compaction: &pb.CompactionRequest{Revision: 1 << 60, Physical: true}})

	// Transactions.
	put := func(key, value string) *pb.RequestOp {
		return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{
			RequestPut: &pb.PutRequest{Key: []byte(key), Value: []byte(value)}}}
	}
	internal("txn", pb.InternalRaftRequest{Txn: &pb.TxnRequest{
		Compare: []*pb.Compare{{Result: pb.Compare_EQUAL,
			Target: pb.Compare_VALUE, Key: []byte("k"),
			TargetUnion: &pb.Compare_Value{Value: []byte("x")}}},
		Success: []*pb.RequestOp{put("k", "y")}}})
	internal("txn_compares", pb.InternalRaftRequest{Txn: &pb.TxnRequest{
		Compare: []*pb.Compare{
			{Result: pb.Compare_GREATER, Target: pb.Compare_VERSION,
				Key: []byte("a"), TargetUnion: &pb.Compare_Version{Version: 1}},
			{Result: pb.Compare_LESS, Target: pb.Compare_CREATE, Key: []byte("b"),
				TargetUnion: &pb.Compare_CreateRevision{CreateRevision: 2}},
			{Result: pb.Compare_NOT_EQUAL, Target: pb.Compare_MOD, Key: []byte("c"),
				TargetUnion: &pb.Compare_ModRevision{ModRevision: 3},
				RangeEnd:    []byte("d")},
			{Target: pb.Compare_LEASE, Key: []byte("e"),
				TargetUnion: &pb.Compare_Lease{Lease: 16}},
			{Target: pb.Compare_MOD, Key: []byte("f")}}}})
	internal("txn_nested", pb.InternalRaftRequest{Txn: &pb.TxnRequest{
		Success: []*pb.RequestOp{
			{Request: &pb.RequestOp_RequestTxn{RequestTxn: &pb.TxnRequest{
				Success: []*pb.RequestOp{put("in/a", "1")},
				Failure: []*pb.RequestOp{{
					Request: &pb.RequestOp_RequestRange{
						RequestRange: &pb.RangeRequest{Key: []byte("in/b")}}}}}}},
		},
		Failure: []*pb.RequestOp{
			{Request: &pb.RequestOp_RequestDeleteRange{
				RequestDeleteRange: &pb.DeleteRangeRequest{Key: []byte("out")}}},
			put("k", "z")}}})
	nest := func(levels int) *pb.TxnRequest {
		txn := &pb.TxnRequest{Success: []*pb.RequestOp{put("deep", "v")}}
		for ; levels > 1; levels-- {
			txn = &pb.TxnRequest{Success: []*pb.RequestOp{{
				Request: &pb.RequestOp_RequestTxn{RequestTxn: txn}}}}
		}
		return txn
	}
	internal("txn_depth_40", pb.InternalRaftRequest{Txn: nest(40)})
	internal("txn_depth_400", pb.InternalRaftRequest{Txn: nest(400)})

	// Leases and alarms.
	internal("lease_grant", pb.InternalRaftRequest{
		LeaseGrant: &pb.LeaseGrantRequest{TTL: 60, ID: 0x694d7d6b9cb8a5e2}})
	internal("lease_revoke", pb.InternalRaftRequest{
		LeaseRevoke: &pb.LeaseRevokeRequest{ID: 0x694d7d6b9cb8a5e2}})
	internal("lease_checkpoint", pb.InternalRaftRequest{
		LeaseCheckpoint: &pb.LeaseCheckpointRequest{
			Checkpoints: []*pb.LeaseCheckpoint{
				{ID: 1, Remaining_TTL: 2}, {ID: 16, Remaining_TTL: 30}}}})
	internal("alarm", pb.InternalRaftRequest{
		Alarm: &pb.AlarmRequest{Action: pb.AlarmRequest_ACTIVATE,
			MemberID: 0x8e9e05c52164694d, Alarm: pb.AlarmType_NOSPACE}})
	internal("alarm_unknown", pb.InternalRaftRequest{
		Alarm: &pb.AlarmRequest{Action: 7, Alarm: 9}})

	// Users and roles.
	internal("auth_enable", pb.InternalRaftRequest{AuthEnable: &pb.AuthEnableRequest{}})
	internal("auth_disable", pb.InternalRaftRequest{AuthDisable: &pb.AuthDisableRequest{}})
	newer("auth_status", 1013)
	internal("auth_authenticate", pb.InternalRaftRequest{
		Authenticate: &pb.InternalAuthenticateRequest{
			Name: "ann", Password: "secret-1", SimpleToken: "secret-2"}})
	internal("auth_user_add", pb.InternalRaftRequest{
		AuthUserAdd: &pb.AuthUserAddRequest{Name: "ann", Password: "secret-1",
			Options: &authpb.UserAddOptions{NoPassword: false}}})
	internal("auth_user_add_binary", pb.InternalRaftRequest{
		AuthUserAdd: &pb.AuthUserAddRequest{Name: "\xffann", Password: "secret-1\xff"}})
	newer("auth_user_add_hashed", 1100, bytesField(1, []byte("ann")),
		bytesField(3, varintField(1, 1)), bytesField(4, []byte("secret-3")))
	internal("auth_user_delete", pb.InternalRaftRequest{
		AuthUserDelete: &pb.AuthUserDeleteRequest{Name: "ann"}})
	internal("auth_user_get", pb.InternalRaftRequest{
		AuthUserGet: &pb.AuthUserGetRequest{Name: "ann"}})
	internal("auth_user_change_password", pb.InternalRaftRequest{
		AuthUserChangePassword: &pb.AuthUserChangePasswordRequest{
			Name: "ann", Password: "secret-1"}})
	newer("auth_user_change_password_hashed", 1103,
		bytesField(1, []byte("ann")), bytesField(3, []byte("secret-3")))
	internal("auth_user_grant_role", pb.InternalRaftRequest{
		AuthUserGrantRole: &pb.AuthUserGrantRoleRequest{User: "ann", Role: "dev"}})
	internal("auth_user_revoke_role", pb.InternalRaftRequest{
		AuthUserRevokeRole: &pb.AuthUserRevokeRoleRequest{Name: "ann", Role: "dev"}})
	internal("auth_user_list", pb.InternalRaftRequest{
		AuthUserList: &pb.AuthUserListRequest{}})
	internal("auth_role_list", pb.InternalRaftRequest{
		AuthRoleList: &pb.AuthRoleListRequest{}})
	internal("auth_role_add", pb.InternalRaftRequest{
		AuthRoleAdd: &pb.AuthRoleAddRequest{Name: "dev"}})
	internal("auth_role_delete", pb.InternalRaftRequest{
		AuthRoleDelete: &pb.AuthRoleDeleteRequest{Role: "dev"}})
	internal("auth_role_get", pb.InternalRaftRequest{
		AuthRoleGet: &pb.AuthRoleGetRequest{Role: "dev"}})
	internal("auth_role_grant_permission", pb.InternalRaftRequest{
		AuthRoleGrantPermission: &pb.AuthRoleGrantPermissionRequest{Name: "dev",
			Perm: &authpb.Permission{PermType: authpb.READWRITE,
				Key: []byte("a"), RangeEnd: []byte("b")}}})
	internal("auth_role_revoke_permission", pb.InternalRaftRequest{
		AuthRoleRevokePermission: &pb.AuthRoleRevokePermissionRequest{
			Role: "dev", Key: []byte("a"), RangeEnd: []byte("b")}})

	// What 3.5 and 3.6 added about the cluster.
	newer("cluster_version_set", 1300, bytesField(1, []byte("3.5.0")))
	newer("cluster_member_attr_set", 1301, varintField(1, 0x8e9e05c52164694d),
		bytesField(2, join(bytesField(1, []byte("n1")),
			bytesField(2, []byte("http://127.0.0.1:2379")),
			bytesField(2, []byte("http://10.0.0.1:2379")))))
	newer("downgrade_info_set", 1302, varintField(1, 1), bytesField(2, []byte("3.5.0")))
	newer("downgrade_version_test", 9900, bytesField(1, []byte("3.6.0")))

	// The v2 API: alone, and inside an InternalRaftRequest.
	publish := pb.Request{ID: 3, Method: "PUT",
		Path: "/0/members/8e9e05c52164694d/attributes",
		Val:  `{"name":"n1","clientURLs":["http://127.0.0.1:2379"]}`}
	normal("v2_put", encode(&publish))
	internal("v2_put_inside", pb.InternalRaftRequest{V2: &publish})
	yes := true
	normal("v2_all_fields", encode(&pb.Request{ID: 4, Method: "POST", Path: "/1/q",
		Val: "v", Dir: true, PrevValue: "w", PrevIndex: 5, PrevExist: &yes,
		Expiration: 6, Wait: true, Since: 7, Recursive: true, Sorted: true,
		Quorum: true, Time: 8, Stream: true, Refresh: &yes}))
	normal("v2_delete", encode(&pb.Request{ID: 5, Method: "DELETE", Path: "/1/q"}))
	normal("v2_get", encode(&pb.Request{ID: 5, Method: "GET", Path: "/1/q"}))
	normal("v2_qget", encode(&pb.Request{ID: 5, Method: "QGET", Path: "/1/q"}))
	normal("v2_sync", encode(&pb.Request{ID: 6, Method: "SYNC", Time: 1669190400000000000}))
	normal("v2_user", encode(&pb.Request{ID: 7, Method: "PUT", Path: "/2/users/ann",
		Val: `{"user":"ann","password":"secret-4"}`, PrevValue: "secret-5"}))
	normal("v2_method_unknown", encode(&pb.Request{ID: 8, Method: "EAT", Path: "/1/q"}))

	// Conf changes, with etcd's context and with raftexample's.
	change := func(name string, kind raftpb.ConfChangeType, context []byte) {
		write(name, raftpb.EntryConfChange, encode(&raftpb.ConfChange{ID: 11,
			Type: kind, NodeID: 0x8e9e05c52164694d, Context: context}))
	}
	member := membership.Member{ID: types.ID(0x8e9e05c52164694d),
		RaftAttributes: membership.RaftAttributes{PeerURLs: []string{
			"http://127.0.0.1:2380", "http://10.0.0.1:2380"}}}
	learner := member
	learner.IsLearner = true
	asJSON := func(value interface{}) []byte { return must(json.Marshal(value)) }
	change("conf_change_add", raftpb.ConfChangeAddNode,
		asJSON(membership.ConfigChangeContext{Member: member}))
	change("conf_change_add_learner", raftpb.ConfChangeAddLearnerNode,
		asJSON(membership.ConfigChangeContext{Member: learner}))
	change("conf_change_promote", raftpb.ConfChangeAddNode,
		asJSON(membership.ConfigChangeContext{Member: membership.Member{ID: member.ID},
			IsPromote: true}))
	change("conf_change_remove", raftpb.ConfChangeRemoveNode, nil)
	change("conf_change_update", raftpb.ConfChangeUpdateNode, asJSON(member))
	named := member
	named.Attributes = membership.Attributes{Name: "n1",
		ClientURLs: []string{"http://127.0.0.1:2379"}}
	change("conf_change_bootstrap", raftpb.ConfChangeAddNode, asJSON(named))
	change("conf_change_bare_url", raftpb.ConfChangeAddNode, []byte("http://127.0.0.1:12380"))
	change("conf_change_odd_context", raftpb.ConfChangeAddNode, []byte("\xff\x00"))
	change("conf_change_unknown_type", 7, nil)
	write("conf_change_v2", raftpb.EntryConfChangeV2, encode(&raftpb.ConfChangeV2{
		Transition: raftpb.ConfChangeTransitionJointExplicit,
		Changes: []raftpb.ConfChangeSingle{
			{Type: raftpb.ConfChangeAddNode, NodeID: 5},
			{Type: raftpb.ConfChangeRemoveNode, NodeID: 6}},
		Context: []byte("why")}))
	write("conf_change_v2_leave_joint", raftpb.EntryConfChangeV2, nil)
	write("conf_change_garbage", raftpb.EntryConfChange, []byte("\xff"))

	// What is nobody's.
	normal("unknown_garbage", []byte("hello \xff"))
	normal("unknown_only_id", varintField(1, 5))
	newer("unknown_future_auth", 1299, []byte("secret-6"))
	normal("unknown_torn_auth", bytesField(1100,
		bytesField(2, []byte("secret-7")))[:12])
}
