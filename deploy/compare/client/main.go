// Drives etcd over gRPC with its own client, and GrainDb and etcd's JSON gateway over HTTP/1.1: what compare-etcd.sh needs beside wrk, with the same work and the
// same output as its Lua files. Builds with Debian's golang-etcd-server-dev:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o client
//
// Closed loop, or with -rate an open one: operations are due at a fixed rate, and their time counts from when they were due. Over HTTP there is put and get, with one connection for each client.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/clientv3"
)

const connections = 8 // HTTP/2 connections that the clients share

func main() {
	protocol := flag.String("protocol", "grpc", "grpc, json, graindb")
	endpoints := flag.String("endpoints", "", "URLs, with commas")
	work := flag.String("work", "put", "put, get, conditional, scan, transfer")
	clients := flag.Int("clients", 64, "requests at a time")
	seconds := flag.Int("seconds", 6, "")
	keys := flag.Int("keys", 100000, "0: one key only")
	rate := flag.Float64("rate", 0, "operations per second; 0: as fast as answers come")
	flag.Parse()

	value := strings.Repeat("v", 256)
	operations := connect(*protocol, *endpoints, *clients, *work, *keys, value)
	var due, failed int64
	latencies := make([][]time.Duration, *clients)
	begin := time.Now()
	end := begin.Add(time.Duration(*seconds) * time.Second)
	var group sync.WaitGroup
	for number := 0; number < *clients; number++ {
		group.Add(1)
		go func(number int) {
			defer group.Done()
			random := rand.New(rand.NewSource(int64(number)*7919 + begin.UnixNano()))
			for {
				from := time.Now()
				if *rate > 0 {
					from = begin.Add(time.Duration(float64(atomic.AddInt64(&due, 1)) / *rate * float64(time.Second)))
					if wait := time.Until(from); wait > 0 && from.Before(end) {
						time.Sleep(wait)
					}
				}
				if !from.Before(end) {
					return
				}
				if !operations[number](random) {
					atomic.AddInt64(&failed, 1)
				}
				latencies[number] = append(latencies[number], time.Since(from))
			}
		}(number)
	}
	group.Wait()

	var all []time.Duration
	for _, some := range latencies {
		all = append(all, some...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(share float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return all[int(share*float64(len(all)-1))].Seconds() * 1e3
	}
	fmt.Printf("rate=%.0f p50=%.3f p99=%.3f errors=%d\n", float64(len(all))/time.Since(begin).Seconds(), at(0.5), at(0.99), failed)
}

// connect gives each client what it does again and again: true when the answer is what it must be.
func connect(protocol string, endpoints string, clients int, work string, keys int, value string) []func(*rand.Rand) bool {
	operations := make([]func(*rand.Rand) bool, clients)
	var shared []*clientv3.Client
	for i := range operations {
		if protocol == "grpc" {
			if i < connections {
				one, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(endpoints, ","), DialTimeout: 5 * time.Second})
				orExit(err)
				shared = append(shared, one)
			}
			client := shared[i%connections]
			operations[i] = func(random *rand.Rand) bool { return operate(client, work, keys, value, random) }
			continue
		}
		client, err := dial(endpoints, value)
		orExit(err)
		do := client.graindb
		if protocol == "json" {
			do = client.json
		}
		operations[i] = func(random *rand.Rand) bool { return do(work, keyOf(keys, random)) }
	}
	return operations
}

func orExit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func unknown(work string) bool {
	fmt.Fprintf(os.Stderr, "no work %q\n", work)
	os.Exit(2)
	return false
}

func name(number int) string { return fmt.Sprintf("k%08d", number) }

func keyOf(keys int, random *rand.Rand) string {
	if keys == 0 {
		return name(0)
	}
	return name(random.Intn(keys))
}

// operate does one operation; false when it failed or its answer is not what it must be.
func operate(client *clientv3.Client, work string, keys int, value string, random *rand.Rand) bool {
	key := func() string { return keyOf(keys, random) }
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	switch work {
	case "put":
		_, err := client.Put(ctx, key(), value)
		return err == nil
	case "get":
		answer, err := client.Get(ctx, key())
		return err == nil && len(answer.Kvs) == 1 && len(answer.Kvs[0].Value) == len(value)
	case "conditional":
		one := key()
		answer, err := client.Txn(ctx).If(clientv3.Compare(clientv3.Value(one), "=", value)).Then(clientv3.OpPut(one, value)).Commit()
		return err == nil && answer.Succeeded
	case "scan":
		first := random.Intn(keys - 101)
		answer, err := client.Get(ctx, name(first), clientv3.WithRange(name(first+100)), clientv3.WithLimit(100))
		return err == nil && len(answer.Kvs) == 100
	case "transfer":
		return transfer(ctx, client, fmt.Sprintf("a%08d", random.Intn(keys)), fmt.Sprintf("a%08d", random.Intn(keys)), 1+random.Intn(9))
	default:
		return unknown(work)
	}
}

// transfer moves an amount from one account to another, with what it read as the condition; tried again until nobody came between. An account
// that is not there has 1000.
func transfer(ctx context.Context, client *clientv3.Client, from string, to string, amount int) bool {
	if from == to {
		return true
	}
	for ctx.Err() == nil {
		read, err := client.Txn(ctx).Then(clientv3.OpGet(from), clientv3.OpGet(to)).Commit()
		if err != nil {
			return false
		}
		revisions, balances := [2]int64{}, [2]int{1000, 1000}
		for i, answer := range read.Responses {
			for _, row := range answer.GetResponseRange().Kvs {
				revisions[i] = row.ModRevision
				balances[i], _ = strconv.Atoi(string(row.Value))
			}
		}
		if balances[0] < amount {
			return true
		}
		answer, err := client.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(from), "=", revisions[0]), clientv3.Compare(clientv3.ModRevision(to), "=", revisions[1])).
			Then(clientv3.OpPut(from, strconv.Itoa(balances[0]-amount)), clientv3.OpPut(to, strconv.Itoa(balances[1]+amount))).Commit()
		if err != nil {
			return false
		}
		if answer.Succeeded {
			return true
		}
	}
	return false
}
