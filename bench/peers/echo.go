// Echo over TCP and UDP with Go's net package: a goroutine a connection.
package main

import (
	"fmt"
	"net"
	"os"
)

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The plain loop, not io.Copy: that would splice in the kernel and echo nothing itself.
func answer(talk net.Conn) {
	defer talk.Close()
	buffer := make([]byte, 65536)
	for {
		got, err := talk.Read(buffer)
		if got > 0 {
			if _, err := talk.Write(buffer[:got]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func answerDatagrams(door *net.UDPConn) {
	buffer := make([]byte, 65536)
	for {
		got, peer, err := door.ReadFromUDPAddrPort(buffer)
		fatal(err)
		door.WriteToUDPAddrPort(buffer[:got], peer)
	}
}

func main() {
	stream, err := net.Listen("tcp4", "127.0.0.1:0")
	fatal(err)
	datagrams, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	fatal(err)
	fmt.Println("echo-tcp", stream.Addr())
	fmt.Println("echo-udp", datagrams.LocalAddr())
	go answerDatagrams(datagrams)
	for {
		talk, err := stream.Accept()
		fatal(err)
		go answer(talk)
	}
}
