<?php

// For PHP's own server: the site's files, and socket.io-client's, which a real site copies to vendor/.
if ($_SERVER['SCRIPT_NAME'] !== '/vendor/socket.io.esm.min.js') {
    return false;
}
header('Content-Type: text/javascript');
readfile((string) getenv('SOCKET_IO_CLIENT'));
