<?php
// A back end for hooks: `php -S 127.0.0.1:8080 hooks.php`. What it decides stands in `answer`.

/** The questions of a request that is genuine; null otherwise. */
function hook_items(string $secret): ?array
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $timestamp = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    $body = file_get_contents('php://input');
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

/** What one question is answered with; null when it cannot be decided. */
function answer(array $item): ?array
{
    switch ($item['type']) {
        case 'connect':
        case 'refresh':
            $user = ['token-of-alice' => '42'][$item['credential'] ?? ''] ?? null;
            return $user === null ? ['permit' => false] : ['permit' => true, 'subject' => $user, 'claims' => ['org' => 'acme']];
        case 'join':
            return ['permit' => $item['params']['id'] === $item['identity']['claims']['org'], 'maxAgeSeconds' => 10];
        case 'memberships':
            return ['rooms' => ['organization:' . $item['identity']['claims']['org']]];
        case 'event':
            return ['permit' => $item['event'] === 'message:send'];
        case 'handle':
            $to = ['room' => 'organization:' . $item['identity']['claims']['org']];
            return [
                'permit' => true,
                'reply' => ['sent'],
                'publish' => [['to' => $to, 'event' => 'message', 'args' => $item['args']]],
            ];
        default:
            return null;
    }
}

$items = hook_items(getenv('HOOK_SECRET') ?: '');
if ($items === null) {
    http_response_code(400);
    exit;
}
$answers = [];
foreach ($items as $item) {
    try {
        $answer = answer($item);
    } catch (Throwable $error) {
        // Left out: undecided, for this one and nobody else.
        error_log((string) $error);
        continue;
    }
    if ($answer !== null) {
        $answers[] = ['id' => $item['id']] + $answer;
    }
}
header('Content-Type: application/json');
echo json_encode(['items' => $answers], JSON_THROW_ON_ERROR);
