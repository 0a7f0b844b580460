package registry

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// soon is when something that was proposed can be done.
const soon = adminDelay + 2*time.Second

func (b *bench) holds(role Role, who *sign.Key) bool {
	b.Helper()
	ok, err := b.Holds(b.Context(), role, address(who))
	if err != nil {
		b.Fatal(err)
	}
	return ok
}

// No path gives one account both the manufacturer's and the operator's role of
// a product, or any role beside the admin's or a guardian's.
func TestRolesExcludeEachOther(t *testing.T) {
	onEachChain(t, func(b *bench) {
		ctx := b.Context()
		pub, operator, admin, another := address(b.pub), address(b.operator), address(b.admin), address(accounts.another)
		guardian := address(b.guardian)
		second := verify.Product{Vendor: "tenvis.com", Name: "second"}
		other := newKeys(b.T, 1, 1)
		otherDID := verify.DIDKey(other.Keys[0])
		conflict := b.refused("RoleConflict", "account")

		for _, role := range []Role{OperatorRole(b.product), ManufacturerRole(b.did), PauserRole(), GuardianRole()} {
			conflict(b.ProposeGrant(ctx, b.admin, role, admin))
			if role != GuardianRole() {
				conflict(b.ProposeGrant(ctx, b.admin, role, guardian))
			}
		}
		for _, account := range []verify.Address{pub, operator, address(b.pauser)} {
			conflict(b.ProposeGrant(ctx, b.admin, GuardianRole(), account))
		}
		conflict(b.ProposeGrant(ctx, b.admin, OperatorRole(b.product), pub))
		conflict(b.ProposeGrant(ctx, b.admin, ManufacturerRole(b.did), operator))
		for _, account := range []verify.Address{pub, admin, guardian} {
			conflict(b.CreateProduct(ctx, b.admin, second, b.did, account))
			conflict(b.ContinueProduct(ctx, b.admin, second, b.did, account, 1))
		}
		for _, account := range []verify.Address{admin, guardian} {
			conflict(b.CreateManufacturer(ctx, b.admin, otherDID, other, account))
		}
		for _, t := range []Terms{
			{Pauser: admin, Guardians: []verify.Address{guardian}},
			{Pauser: another, Guardians: []verify.Address{admin}},
			{Pauser: another, Guardians: []verify.Address{guardian, another}},
		} {
			_, tx, err := b.server.client.Deploy(ctx, b.admin, t)
			conflict(tx, err)
		}

		// A role cannot be proposed in advance, before what it belongs to exists.
		unknown := b.refused("UnknownRole", "create it before")
		unknown(b.ProposeGrant(ctx, b.admin, OperatorRole(second), pub))
		unknown(b.ProposeGrant(ctx, b.admin, ManufacturerRole(otherDID), operator))
		conflict(b.ProposeGrant(ctx, b.admin, AdminRole(), pub))
		b.refused("NotProposed", "propose it")(b.ExecuteGrant(ctx, b.admin, AdminRole(), another))
		b.refused("AccessControlEnforcedDefaultAdminRules")(b.Withdraw(ctx, b.guardian, AdminRole(), admin))

		// An operator of one of several products is no manufacturer of any.
		b.ok(b.CreateProduct(ctx, b.admin, second, b.did, another))
		conflict(b.ProposeGrant(ctx, b.admin, ManufacturerRole(b.did), another))
		b.ok(b.grant(b.admin, OperatorRole(b.product), another))
		b.ok(b.Withdraw(ctx, b.guardian, OperatorRole(second), another))
		conflict(b.ProposeGrant(ctx, b.admin, ManufacturerRole(b.did), another))
		b.ok(b.Withdraw(ctx, b.guardian, OperatorRole(b.product), another))
		b.ok(b.grant(b.admin, ManufacturerRole(b.did), another))
		conflict(b.ProposeGrant(ctx, b.admin, OperatorRole(b.product), another))

		// A conflict that arises while the grant waits is refused when it is due.
		b.ok(b.ProposeGrant(ctx, b.admin, ManufacturerRole(b.did), address(b.stranger)))
		b.ok(b.CreateProduct(ctx, b.admin, verify.Product{Vendor: "tenvis.com", Name: "third"}, b.did, address(b.stranger)))
		b.server.advance(b.T, soon)
		conflict(b.ExecuteGrant(ctx, b.admin, ManufacturerRole(b.did), address(b.stranger)))

		// Roles of different manufacturers do not exclude each other.
		b.ok(b.CreateManufacturer(ctx, b.admin, otherDID, other, operator))

		// Who holds such a role cannot become admin before it is given up.
		b.ok(b.BeginAdminTransfer(ctx, b.admin, another))
		b.server.advance(b.T, soon)
		conflict(b.AcceptAdminTransfer(ctx, accounts.another))
		b.ok(b.Renounce(ctx, accounts.another, ManufacturerRole(b.did)))
		b.ok(b.AcceptAdminTransfer(ctx, accounts.another))
		conflict(b.ProposeGrant(ctx, accounts.another, ManufacturerRole(b.did), another))
		b.ok(b.grant(accounts.another, ManufacturerRole(b.did), admin)) // no longer the admin
	})
}

// Whatever the order of grants, withdrawals, renunciations and transfers, the
// roles that exclude each other never meet.
func TestRolesExcludeEachOtherInAnyOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t, shared["devchain"])
	ctx := b.Context()
	var err error
	if b.Registry, err = b.server.client.Provision(ctx, Setup{
		Admin: b.admin, Terms: Terms{Pauser: address(b.pauser), Guardians: []verify.Address{address(b.guardian)}}, // no delay
		Manufacturer: b.did, Keys: b.keys, Publisher: address(b.pub), Product: b.product, Operator: address(b.operator),
	}); err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	other := newKeys(t, 1, 1)
	otherDID := verify.DIDKey(other.Keys[0])
	second := verify.Product{Vendor: "tenvis.com", Name: "second"}
	third := verify.Product{Vendor: "example.com", Name: "third"}
	b.ok(b.CreateManufacturer(ctx, b.admin, otherDID, other, address(b.pauser)))
	b.ok(b.CreateProduct(ctx, b.admin, second, b.did, address(b.operator)))
	b.ok(b.CreateProduct(ctx, b.admin, third, otherDID, address(b.operator)))
	makers := []Role{ManufacturerRole(b.did), ManufacturerRole(otherDID)}
	operators := map[Role]Role{OperatorRole(b.product): makers[0], OperatorRole(second): makers[0], OperatorRole(third): makers[1]}
	alone := []Role{GuardianRole(), AdminRole()}
	roles := append([]Role{OperatorRole(b.product), OperatorRole(second), OperatorRole(third), PauserRole(), GuardianRole()}, makers...)
	people := []*sign.Key{b.pub, b.operator, b.stranger, accounts.another}
	admin, spare := b.admin, accounts.guardian2
	done, refusals := 0, 0
	for range 160 {
		role, who := roles[rnd.IntN(len(roles))], people[rnd.IntN(len(people))]
		var err error
		switch n := rnd.IntN(12); {
		case n < 3 && role != GuardianRole():
			_, err = b.Withdraw(ctx, b.guardian, role, address(who))
		case n < 5:
			_, err = b.Renounce(ctx, who, role)
		case n == 5: // the admin's role changes hands, or its taker must not have it
			to := []*sign.Key{spare, who}[rnd.IntN(2)]
			b.ok(b.BeginAdminTransfer(ctx, admin, address(to)))
			b.server.advance(t, 2*time.Second)
			if _, err = b.AcceptAdminTransfer(ctx, to); err == nil {
				if to == who {
					t.Log("one of the people is the admin for a while")
					b.ok(b.BeginAdminTransfer(ctx, to, address(admin)))
					b.server.advance(t, 2*time.Second)
					b.ok(b.AcceptAdminTransfer(ctx, admin))
				} else {
					admin, spare = spare, admin
				}
			}
		default:
			if _, err = b.ProposeGrant(ctx, admin, role, address(who)); err == nil {
				_, err = b.ExecuteGrant(ctx, who, role, address(who))
			}
		}
		switch refusalName(err) {
		case "RoleConflict":
			refusals++
		case "AlreadyExists":
		case "":
			if err != nil {
				t.Fatal(err)
			}
			done++
		default:
			t.Fatal(err)
		}
		for op, maker := range operators {
			if b.holds(op, who) && b.holds(maker, who) {
				t.Fatalf("%s is %s and %s", address(who), op, maker)
			}
		}
		for _, r := range alone {
			for _, other := range append(roles, AdminRole()) {
				if r != other && b.holds(r, who) && b.holds(other, who) {
					t.Fatalf("%s is %s and %s", address(who), r, other)
				}
			}
		}
	}
	if done < 40 || refusals < 20 {
		t.Errorf("%d done and %d refused: the test tries too little", done, refusals)
	}
}

// registry_admin_stolen: whoever has the admin's key alone changes
// nothing of what exists before a delay has passed, and any guardian can stop him
// in that time, as often as he tries.
func TestThreatRegistryAdminStolen(t *testing.T) {
	onOwnChains(t, func(b *bench) {
		ctx, thief, his := b.Context(), b.admin, address(accounts.another)
		b.publish(2)
		b.ok(b.SetRollout(ctx, b.operator, b.id, 1, "", verify.Rollout{Mode: verify.RolloutAll}))
		before := b.check("")
		unauthorized := b.refused("AccessControlUnauthorizedAccount")
		unauthorized(b.Pause(ctx, thief))
		unauthorized(b.Revoke(ctx, thief, b.id, 1))
		unauthorized(b.SetMinSequence(ctx, thief, b.id, 2))
		unauthorized(b.SetKeys(ctx, thief, b.did, newKeys(b.T, 1, 1)))
		unauthorized(b.SetHalted(ctx, thief, b.id, 1, true))
		for role, holder := range map[Role]*sign.Key{
			ManufacturerRole(b.did): b.pub, OperatorRole(b.product): b.operator, PauserRole(): b.pauser, GuardianRole(): b.guardian,
		} {
			unauthorized(b.Withdraw(ctx, thief, role, address(holder)))
			b.refused("Delayed", "propose")(b.Grant(ctx, thief, role, his))
			b.refused("NotProposed")(b.ExecuteGrant(ctx, thief, role, his))
			b.ok(b.ProposeGrant(ctx, thief, role, his))
			b.refused("OutsideWindow", "can be done from 20")(b.ExecuteGrant(ctx, thief, role, his))
			b.refused("OutsideWindow")(b.ExecuteGrant(ctx, accounts.another, role, his))
		}
		b.ok(b.ProposeRemoval(ctx, thief, address(b.guardian)))
		b.ok(b.ProposeRemoval(ctx, thief, address(accounts.guardian2)))
		b.ok(b.ChangeDelay(ctx, thief, 0))
		b.ok(b.BeginAdminTransfer(ctx, thief, his))
		b.server.advance(b.T, adminDelay-time.Minute)
		b.refused("OutsideWindow")(b.ExecuteGrant(ctx, thief, PauserRole(), his))
		b.refused("OutsideWindow")(b.ExecuteRemoval(ctx, thief, address(b.guardian)))
		b.refused("AccessControlEnforcedDefaultAdminDelay")(b.AcceptAdminTransfer(ctx, accounts.another))

		// The guardians wake up just in time. Each saves the other.
		for _, role := range []Role{ManufacturerRole(b.did), OperatorRole(b.product), PauserRole(), GuardianRole()} {
			b.ok(b.CancelGrant(ctx, b.guardian, role, his))
		}
		b.ok(b.CancelAdminTransfer(ctx, b.guardian))
		b.ok(b.CancelDelay(ctx, b.guardian))
		b.refused("RoleConflict", "its own removal")(b.CancelRemoval(ctx, b.guardian, address(b.guardian)))
		b.ok(b.CancelRemoval(ctx, b.guardian, address(accounts.guardian2)))
		b.ok(b.CancelRemoval(ctx, accounts.guardian2, address(b.guardian)))
		b.refused("NotProposed")(b.CancelRemoval(ctx, accounts.guardian2, address(b.guardian)))
		b.server.advance(b.T, 2*adminDelay)
		for _, role := range []Role{ManufacturerRole(b.did), OperatorRole(b.product), PauserRole(), GuardianRole()} {
			b.refused("NotProposed")(b.ExecuteGrant(ctx, thief, role, his))
		}
		b.refused("NotProposed")(b.ExecuteRemoval(ctx, thief, address(b.guardian)))
		b.refused("AccessControlInvalidDefaultAdmin")(b.AcceptAdminTransfer(ctx, accounts.another))
		if _, delay, err := b.Admin(ctx); err != nil || delay != adminDelay {
			b.Errorf("the delay is %v, %v", delay, err)
		}
		after := b.check("")
		if after.Rev != before.Rev || after.Digest != before.Digest {
			b.Error("the thief changed what cameras read")
		}
		for role, holder := range map[Role]*sign.Key{ManufacturerRole(b.did): b.pub, OperatorRole(b.product): b.operator, PauserRole(): b.pauser, GuardianRole(): b.guardian} {
			if !b.holds(role, holder) || b.holds(role, accounts.another) {
				b.Errorf("the role of %s changed hands", role)
			}
		}
	})
}

// registry_guardian_stolen: a guardian whose key is stolen can stop everything and do nothing else; the
// admin gets rid of it after a delay, and it cannot prevent that.
func TestThreatRegistryGuardianStolen(t *testing.T) {
	onOwnChains(t, func(b *bench) {
		ctx, thief := b.Context(), b.guardian
		b.publish(1)
		unauthorized := b.refused("AccessControlUnauthorizedAccount")
		for _, c := range changes(b.T) {
			if !slices.Contains([]string{"pause", "withdraw", "cancel the new admin", "cancel the new delay", "cancel a grant"}, c.name) {
				unauthorized(c.do(b, ctx, thief))
			}
		}
		b.refused("Delayed")(b.Withdraw(ctx, thief, GuardianRole(), address(accounts.guardian2)))
		b.ok(b.Pause(ctx, thief))
		b.ok(b.Withdraw(ctx, thief, PauserRole(), address(b.pauser)))
		b.ok(b.Withdraw(ctx, thief, ManufacturerRole(b.did), address(b.pub)))

		b.ok(b.ProposeRemoval(ctx, b.admin, address(thief)))
		b.refused("RoleConflict")(b.CancelRemoval(ctx, thief, address(thief)))
		b.ok(b.ProposeGrant(ctx, b.admin, PauserRole(), address(accounts.another)))
		b.ok(b.CancelGrant(ctx, thief, PauserRole(), address(accounts.another)))
		b.refused("OutsideWindow")(b.ExecuteRemoval(ctx, b.admin, address(thief)))
		b.server.advance(b.T, soon)
		unauthorized(b.ExecuteRemoval(ctx, thief, address(accounts.guardian2)))
		b.ok(b.ExecuteRemoval(ctx, b.admin, address(thief)))
		b.refused("NotProposed")(b.ExecuteRemoval(ctx, b.admin, address(thief)))
		unauthorized(b.Pause(ctx, thief))

		b.ok(b.ProposeGrant(ctx, b.admin, PauserRole(), address(accounts.another)))
		b.ok(b.ProposeGrant(ctx, b.admin, ManufacturerRole(b.did), address(b.pub)))
		unauthorized(b.CancelGrant(ctx, thief, PauserRole(), address(accounts.another)))
		b.server.advance(b.T, soon)
		b.ok(b.ExecuteGrant(ctx, accounts.another, PauserRole(), address(accounts.another)))
		b.ok(b.ExecuteGrant(ctx, b.admin, ManufacturerRole(b.did), address(b.pub)))
		b.ok(b.Unpause(ctx, accounts.another))
		b.ok(b.Publish(ctx, b.pub, b.release(2)))
	})
}

// A proposal lapses, and none can stand ready to undo a withdrawal.
func TestProposalsLapse(t *testing.T) {
	onOwnChains(t, func(b *bench) {
		ctx, his := b.Context(), address(accounts.another)
		b.refused("AlreadyExists")(b.ProposeGrant(ctx, b.admin, PauserRole(), address(b.pauser)))
		b.ok(b.ProposeGrant(ctx, b.admin, PauserRole(), his))
		b.ok(b.ProposeRemoval(ctx, b.admin, address(b.guardian)))
		from, err := b.PendingGrant(ctx, PauserRole(), his)
		if v := b.check(""); err != nil || from < v.Time+uint64(adminDelay/time.Second)-5 || from > v.Time+uint64(adminDelay/time.Second)+5 {
			b.Errorf("the grant is possible from %d, %v; now is %d", from, err, v.Time)
		}
		if from, err := b.PendingRemoval(ctx, address(b.guardian)); err != nil || from == 0 {
			b.Errorf("the removal is possible from %d, %v", from, err)
		}
		b.server.advance(b.T, 31*24*time.Hour+soon)
		b.refused("OutsideWindow", "propose it again")(b.ExecuteGrant(ctx, b.admin, PauserRole(), his))
		b.refused("OutsideWindow")(b.ExecuteRemoval(ctx, b.admin, address(b.guardian)))
		b.ok(b.CancelRemoval(ctx, b.admin, address(b.guardian)))
		b.refused("AccessControlUnauthorizedAccount")(b.CancelGrant(ctx, b.stranger, PauserRole(), his))
		b.ok(b.CancelGrant(ctx, accounts.another, PauserRole(), his)) // who does not want it
		if from, err := b.PendingGrant(ctx, PauserRole(), his); err != nil || from != 0 {
			b.Errorf("the cancelled grant is possible from %d, %v", from, err)
		}

		b.ok(b.grant(b.admin, PauserRole(), his))
		b.ok(b.Withdraw(ctx, b.guardian, PauserRole(), his))
		b.refused("NotProposed")(b.ExecuteGrant(ctx, accounts.another, PauserRole(), his))

		// A guardian that resigned and was appointed again is not removed by what
		// was proposed before.
		b.ok(b.ProposeRemoval(ctx, b.admin, address(b.guardian)))
		b.ok(b.Renounce(ctx, b.guardian, GuardianRole()))
		b.ok(b.grant(b.admin, GuardianRole(), address(b.guardian)))
		b.refused("NotProposed")(b.ExecuteRemoval(ctx, b.admin, address(b.guardian)))
	})
}

// The admin's role cannot be handed on at once, and the rightful admin can stop
// it in time.
func TestAdminIsHandedOnOnlyAfterTheDelay(t *testing.T) {
	onOwnChains(t, func(b *bench) {
		ctx := b.Context()
		heir := accounts.another
		b.ok(b.BeginAdminTransfer(ctx, b.admin, address(heir)))
		b.refused("AccessControlEnforcedDefaultAdminDelay", "only after 20")(b.AcceptAdminTransfer(ctx, heir))
		if to, after, err := b.PendingAdmin(ctx); err != nil || to != address(heir) || after == 0 {
			b.Errorf("pending admin %s after %d, %v", to, after, err)
		}
		b.server.advance(b.T, adminDelay/2)
		b.refused("AccessControlEnforcedDefaultAdminDelay")(b.AcceptAdminTransfer(ctx, heir))
		b.ok(b.CancelAdminTransfer(ctx, b.admin))
		if _, after, err := b.PendingAdmin(ctx); err != nil || after != 0 {
			b.Errorf("after the cancellation an admin is pending, %v", err)
		}
		b.server.advance(b.T, adminDelay)
		b.refused("AccessControlInvalidDefaultAdmin")(b.AcceptAdminTransfer(ctx, heir))

		b.ok(b.BeginAdminTransfer(ctx, b.admin, address(heir)))
		b.server.advance(b.T, soon)
		b.refused("AccessControlInvalidDefaultAdmin")(b.AcceptAdminTransfer(ctx, b.stranger))
		b.ok(b.AcceptAdminTransfer(ctx, heir))
		if b.holds(AdminRole(), b.admin) || !b.holds(AdminRole(), heir) {
			b.Error("the role did not move")
		}
		b.refused("AccessControlUnauthorizedAccount")(b.ProposeGrant(ctx, b.admin, PauserRole(), address(b.stranger)))
		b.ok(b.grant(heir, PauserRole(), address(b.stranger)))
		if admin, delay, err := b.Admin(ctx); err != nil || admin != address(heir) || delay != adminDelay {
			b.Errorf("the admin is %s with a delay of %v, %v", admin, delay, err)
		}
	})
}

// The delay is shortened only after what it was, and no longer than a month.
func TestDelayIsNotAWayAround(t *testing.T) {
	onOwnChains(t, func(b *bench) {
		ctx, his := b.Context(), address(accounts.another)
		b.refused("OutOfBounds", "delay")(b.ChangeDelay(ctx, b.admin, 31*24*time.Hour))
		_, tx, err := b.server.client.Deploy(ctx, b.admin, Terms{Delay: 31 * 24 * time.Hour, Pauser: his, Guardians: terms().Guardians})
		b.refused("OutOfBounds", "delay")(tx, err)
		_, tx, err = b.server.client.Deploy(ctx, b.admin, Terms{Pauser: his})
		b.refused("OutOfBounds", "guardians")(tx, err)
		b.ok(b.ChangeDelay(ctx, b.admin, 0))
		b.ok(b.ProposeGrant(ctx, b.admin, PauserRole(), his))
		b.server.advance(b.T, adminDelay/2)
		b.refused("OutsideWindow")(b.ExecuteGrant(ctx, b.admin, PauserRole(), his))
		b.server.advance(b.T, soon/2)
		b.ok(b.ProposeGrant(ctx, b.admin, PauserRole(), address(b.stranger)))
		b.ok(b.ExecuteGrant(ctx, b.admin, PauserRole(), address(b.stranger)))
	})
}

// One secret counts once: a key and its negative are the same key.
func TestThreatOneSecretTwice(t *testing.T) {
	onEachChain(t, func(b *bench) {
		var all [][]byte
		for i, alg := range []verify.Algorithm{verify.EdDSA, verify.ES256, verify.ES256K} {
			k, err := sign.Generate(alg)
			if err != nil {
				b.Fatal(err)
			}
			key := k.Public().Bytes()
			negative := slices.Clone(key)
			if alg == verify.EdDSA {
				negative[len(negative)-1] ^= 0x80
			} else {
				negative[2] ^= 1
			}
			all = append(all, key)
			_, err = b.raw(b.pub, contract.PackSetKeys(b.did.Hash(), 1, append(slices.Clone(all), negative)))
			b.refused("DuplicateKey", "negative")(Tx{}, err)
			if _, err := b.raw(b.pub, contract.PackSetKeys(b.did.Hash(), 1, append(slices.Clone(all[:i]), negative))); err != nil {
				b.Errorf("%v: the negative alone: %v", alg, err)
			}
		}
		// What is no known kind of key is compared as it is.
		other := [][]byte{append([]byte{1, 2, 2}, make([]byte, 32)...), append([]byte{1, 2, 3}, make([]byte, 32)...)}
		if _, err := b.raw(b.pub, contract.PackSetKeys(b.did.Hash(), 1, other)); err != nil {
			b.Error(err)
		}
	})
}

// A product that comes from another registry goes on with the number after its
// latest there, and nothing below exists here.
func TestContinuedProduct(t *testing.T) {
	onEachChain(t, func(b *bench) {
		ctx := b.Context()
		moved := verify.Product{Vendor: "tenvis.com", Name: "moved"}
		id := moved.ID()
		b.refused("OutOfBounds", "latest")(b.ContinueProduct(ctx, b.admin, moved, b.did, address(b.operator), 0))
		b.refused("OutOfBounds", "latest")(b.ContinueProduct(ctx, b.admin, moved, b.did, address(b.operator), 1<<63))
		b.refused("AlreadyExists")(b.ContinueProduct(ctx, b.admin, b.product, b.did, address(b.operator), 5))
		b.ok(b.ContinueProduct(ctx, b.admin, moved, b.did, address(b.operator), 57))
		view := func() verify.View {
			b.Helper()
			v, err := b.Check(ctx, id, "")
			if err != nil {
				b.Fatal(err)
			}
			return v
		}
		if v := view(); v.Latest != 57 || v.MinSequence != 0 || len(v.Candidates) != 0 {
			b.Errorf("continued: %+v", v)
		}
		release := func(n uint64) verify.Release {
			r := b.release(n)
			r.Product = id
			return r
		}
		for _, n := range []uint64{1, 57, 59} {
			b.refused("SequenceNotNext")(b.Publish(ctx, b.pub, release(n)))
		}
		earlier := b.refused("EarlierRegistry", "begin with 58")
		earlier(b.Revoke(ctx, b.pub, id, 57))
		earlier(b.SetRollout(ctx, b.operator, id, 1, "", canary))
		earlier(b.SetHalted(ctx, b.operator, id, 57, true))
		earlier(b.SetBarrier(ctx, b.operator, id, 57))
		b.ok(b.SetMinSequence(ctx, b.pub, id, 50))
		b.ok(b.Publish(ctx, b.pub, release(58)))
		b.ok(b.Publish(ctx, b.pub, release(59)))
		b.ok(b.Revoke(ctx, b.pub, id, 59))
		if v := view(); v.Latest != 59 || v.MinSequence != 50 || len(v.Candidates) != 1 || v.Candidates[0].Sequence != 58 {
			b.Errorf("after two releases: %+v", v)
		}
		for _, from := range []uint64{0, 57, 58} {
			if list, err := b.Releases(ctx, id, from); err != nil || len(list) != 2 || list[0].Sequence != 58 {
				b.Errorf("releases from %d: %+v, %v", from, list, err)
			}
		}
		history, err := b.History(ctx, id, 0)
		if err != nil || !slices.ContainsFunc(history, func(e Event) bool {
			return e.String() == "product tenvis.com/moved continued after release 57 of another registry"
		}) {
			b.Errorf("history: %v, %v", history, err)
		}
	})
}
