// Echo over TCP and UDP with node's net and dgram.
const net = require('node:net')
const dgram = require('node:dgram')

const stream = net.createServer({ noDelay: true }, (talk) => {
  talk.on('error', () => talk.destroy())
  talk.pipe(talk)
})
stream.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
  console.log(`echo-tcp 127.0.0.1:${stream.address().port}`)
})

const datagrams = dgram.createSocket('udp4')
datagrams.on('message', (packet, peer) => datagrams.send(packet, peer.port, peer.address))
datagrams.bind(0, '127.0.0.1', () => {
  console.log(`echo-udp 127.0.0.1:${datagrams.address().port}`)
})
