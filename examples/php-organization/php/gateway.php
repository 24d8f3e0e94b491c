<?php

declare(strict_types=1);

/**
 * By Redis: everybody in the room hears it. Nobody answers, and who is away at this moment misses it.
 * Objects have to be arrays, and text UTF-8.
 */
function emit_to_room(string $namespace, string $room, string $event, array ...$args): void
{
    $url = parse_url((string) getenv('REDIS_URL'));
    $redis = new Redis();
    $redis->connect($url['host'], $url['port'] ?? 6379, 2.0);
    if (isset($url['pass'])) {
        $redis->auth(array_values(array_filter(array_map('rawurldecode', [$url['user'] ?? '', $url['pass']]))));
    }
    $key = getenv('EMITTER_KEY') ?: 'socket.io';
    $packet = ['type' => 2, 'data' => [$event, ...$args], 'nsp' => $namespace];
    $options = ['rooms' => [$room], 'flags' => [], 'except' => []];
    $redis->publish("$key#$namespace#$room#", msgpack_pack(['php', $packet, $options]));
}

/** The same by the control API, which answers whether the gateway has taken it. */
function publish_to_room(string $namespace, string $room, string $event, array ...$args): void
{
    control('/v1/publish', ['namespace' => $namespace, 'to' => ['room' => $room], 'event' => $event, 'args' => $args]);
}

/** Ends the sockets of a session, on every node; nobody comes back with its cookie. */
function revoke_session(string $sessionId): void
{
    control('/v1/revoke', ['key' => ['session' => $sessionId]]);
}

/** @throws RuntimeException when it is not done; trying again is safe */
function control(string $path, array $body): array
{
    $curl = curl_init(getenv('CONTROL_URL') . $path);
    curl_setopt_array($curl, [
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => json_encode($body, JSON_THROW_ON_ERROR),
        CURLOPT_HTTPHEADER => [
            'Content-Type: application/json',
            'Authorization: Bearer ' . getenv('CONTROL_KEY'),
            'Idempotency-Key: ' . bin2hex(random_bytes(16)),
        ],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 5,
        // It is on this machine, whatever `http_proxy` says.
        CURLOPT_PROXY => '',
    ]);
    $answer = curl_exec($curl);
    $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    if (!is_string($answer) || $status < 200 || $status > 299) {
        throw new RuntimeException("The gateway answered $path with $status");
    }
    return json_decode($answer, true, 32, JSON_THROW_ON_ERROR);
}

/** The questions of a hook request that the gateway has signed within the last five minutes; null for any other. */
function hook_items(string $secret): ?array
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $timestamp = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    $body = (string) file_get_contents('php://input');
    if (!ctype_digit($timestamp) || abs(time() - (int) $timestamp) > 300) {
        return null;
    }
    $key = base64_decode(substr($secret, strlen('whsec_')));
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $given) {
        if (hash_equals($expected, $given)) {
            $request = json_decode($body, true);
            return ($request['version'] ?? null) === 1 ? $request['items'] : null;
        }
    }
    return null;
}
