<?php
/**
 * A backend in PHP: publishes by the control API, repeats it as after a lost answer, and shows what it was told.
 * Usage: CONTROL_URL=… CONTROL_KEY=… php control-publish.php ISSUER SUBJECT TEXT
 */

function control(string $path, array $body, string $idempotencyKey): array
{
    $headers = [];
    $curl = curl_init(getenv('CONTROL_URL') . '/v1' . $path);
    curl_setopt_array($curl, [
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => json_encode($body, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE),
        CURLOPT_HTTPHEADER => [
            'Authorization: Bearer ' . getenv('CONTROL_KEY'),
            'Content-Type: application/json',
            'Idempotency-Key: ' . $idempotencyKey,
        ],
        CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$headers): int {
            [$name, $value] = array_pad(explode(':', $line, 2), 2, '');
            $headers[strtolower(trim($name))] = trim($value);
            return strlen($line);
        },
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 10,
    ]);
    $answer = curl_exec($curl);
    if ($answer === false) {
        throw new RuntimeException(curl_error($curl));
    }
    return [
        'status' => curl_getinfo($curl, CURLINFO_RESPONSE_CODE),
        'replayed' => $headers['idempotency-replayed'] ?? null,
        'body' => json_decode($answer, true, 512, JSON_THROW_ON_ERROR),
    ];
}

[, $issuer, $subject, $text] = $argv;
$user = ['issuer' => $issuer, 'subject' => $subject];
$news = ['namespace' => '/news', 'to' => ['user' => $user], 'event' => 'news', 'args' => [['text' => $text]]];
$key = bin2hex(random_bytes(16));

echo json_encode([
    control('/publish', $news, $key),
    control('/publish', $news, $key),
    control('/publish', ['event' => 'auth:closed'] + $news, bin2hex(random_bytes(16))),
    control('/revoke', ['key' => $user], bin2hex(random_bytes(16))),
], JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE);
