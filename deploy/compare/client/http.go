package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io/ioutil"
	"net"
	"net/http"
	"strings"
	"time"
)

// httpClient is one connection over which one request goes at a time, HTTP/1.1 as wrk speaks it.
type httpClient struct {
	host       string
	value      string
	encoded    string // the value, as etcd's JSON has it
	connection net.Conn
	reader     *bufio.Reader
}

func dial(endpoint string, value string) (*httpClient, error) {
	host := strings.TrimPrefix(endpoint, "http://")
	connection, err := net.DialTimeout("tcp", host, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &httpClient{host, value, base64.StdEncoding.EncodeToString([]byte(value)), connection, bufio.NewReader(connection)}, nil
}

// do sends one request and reads its answer: the body, and whether the status is a good one. Without an answer there is nothing to measure: the program ends.
func (client *httpClient) do(method string, path string, contentType string, body string) (string, bool) {
	client.connection.SetDeadline(time.Now().Add(15 * time.Second))
	_, err := fmt.Fprintf(client.connection, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", method, path, client.host, contentType, len(body), body)
	orExit(err)
	answer, err := http.ReadResponse(client.reader, nil)
	orExit(err)
	defer answer.Body.Close()
	content, err := ioutil.ReadAll(answer.Body)
	orExit(err)
	return string(content), answer.StatusCode < 300
}

// graindb does one operation through GrainDb's HTTP API.
func (client *httpClient) graindb(work string, key string) bool {
	path := "/v1/kv/default/" + key
	switch work {
	case "put":
		_, good := client.do("PUT", path, "application/octet-stream", client.value)
		return good
	case "get":
		read, good := client.do("GET", path, "application/octet-stream", "")
		return good && len(read) == len(client.value)
	}
	return unknown(work)
}

// json does one operation through etcd's JSON gateway.
func (client *httpClient) json(work string, key string) bool {
	name := base64.StdEncoding.EncodeToString([]byte(key))
	switch work {
	case "put":
		answer, good := client.do("POST", "/v3/kv/put", "application/json", `{"key":"`+name+`","value":"`+client.encoded+`"}`)
		return good && strings.Contains(answer, `"revision"`)
	case "get":
		answer, good := client.do("POST", "/v3/kv/range", "application/json", `{"key":"`+name+`"}`)
		return good && len(answer) > len(client.encoded)
	}
	return unknown(work)
}
