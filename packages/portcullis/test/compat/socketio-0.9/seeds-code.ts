/** Code of the documents 000 and 001 as it stands there, but for import lines and listening addresses. */

import { compileFunction } from 'node:vm'

/** Runs code of a document with what it finds around it. */
export function verbatim(code: string, scope: Readonly<Record<string, unknown>>): void {
  compileFunction(code, Object.keys(scope))(...Object.values(scope))
}

export const MIDDLEWARE = `
io.use(function(socket, next){
  var joinServerParameters = JSON.parse(socket.handshake.query.joinServerParameters);
  if (joinServerParameters.token == "xxx" ){
    next();          
  } else {
    //next(new Error('Authentication error'));                  
  }
  return;       
});
`

export const MIDDLEWARE_CLIENT = `
var joinServerParameters = { token: "xxx"   };    
var socket = io.connect('url' , {query: 'joinServerParameters=' + JSON.stringify(joinServerParameters)  });
return socket
`

export const MIDDLEWARES_OF_1 = `
io.use(function(socket, next) {
  var handshake = socket.request;
  next();
});
io.of('/namespace').use(function(socket, next) {
  var handshake = socket.request;
  next();
});
`

export const ADMITS_ALL = `
io.set('authorization', function (handshake, callback) {
  callback(null, true);
});
`

export const STORES = `
io.set('authorization', function (handshake, callback) {
  handshake.foo = 'bar';
  callback(null, true);
});

io.sockets.on('connection', function(socket) {
  console.log(socket.handshake.foo); // bar
});
`

export const DOMAIN = `
io.set('authorization', function (handshakeData, accept) {
  var domain = handshakeData.headers.referer.replace('http://','').replace('https://','').split(/[/?#]/)[0];
  if('myDomain.com'==domain)
    accept(null, true);
  else 
    return accept('Deny', false);
});
`

export const CONFIGURED = `
io.configure(function (){
io.set('authorization', function (handshakeData, callback) {
callback(null, true); // error first callback style
});
});
`

export const LOOK_UP = `
var io = require('portcullis/compat/socketio-0.9').listen(0);
io.configure(function (){
io.set('authorization', function (handshakeData, callback) {
// findDatabyip is an async example function
findDatabyIP(handshakeData.address.address, function (err, data) {
if (err) return callback(err);
if (data.authorized) {
handshakeData.foo = 'bar';
for(var prop in data) handshakeData[prop] = data[prop];
callback(null, true);
} else {
callback(null, false);
}
})
});
});
`

export const PRINTS = `
io.sockets.on('connection', function (socket) {
console.log(socket.handshake.foo == true); // writes \`true\`
console.log(socket.handshake.address.address); // writes 127.0.0.1
});
`

export const NAMESPACE = `
var io = require('portcullis/compat/socketio-0.9').listen(0);
io.of('/private').authorization(function (handshakeData, callback) {
console.dir(handshakeData);
handshakeData.foo = 'baz';
callback(null, true);
}).on('connection', function (socket) {
console.dir(socket.handshake.foo);
});
`

export const CLIENT = `
var sio = io.connect();
sio.socket.on('error', function (reason){
console.error('Unable to connect Socket.IO', reason);
});
sio.on('connect', function (){
console.info('successfully established a working connection \\o/');
});
`

export const NAMESPACE_CLIENT = `
var sio = io.connect()
, socket = sio.socket;
socket.of('/example')
.on('connect_failed', function (reason) {
console.error('unable to connect to namespace', reason);
})
.on('connect', function () {
console.info('sucessfully established a connection with the namespace');
});
`
