<?php

// What the gateway asks of this site.

declare(strict_types=1);

require __DIR__ . '/../php/news.php';

/** The answer to one question, besides its id; null leaves it undecided. */
function answer(array $item): ?array
{
    // The gateway has permitted the event and checked its arguments, by portcullis.yaml.
    if ($item['type'] !== 'handle' || $item['event'] !== 'news:seen') {
        return null;
    }
    $seen = mark_seen($item['args'][0], (int) $item['identity']['subject']);
    if ($seen === null) {
        return ['permit' => false];
    }
    $to = ['room' => "organization.{$seen['organization_id']}"];
    $body = ['id' => $seen['id'], 'seen' => $seen['seen']];
    return ['permit' => true, 'reply' => [$body], 'publish' => [['to' => $to, 'event' => 'news:seen', 'args' => [$body]]]];
}

$items = hook_items((string) getenv('HOOK_SECRET'));
if ($items === null) {
    http_response_code(400);
    exit;
}
$answers = [];
foreach ($items as $item) {
    try {
        $answer = answer($item);
    } catch (Throwable $error) {
        // Left out: undecided for this one, and for nobody else.
        error_log((string) $error);
        continue;
    }
    if ($answer !== null) {
        $answers[] = ['id' => $item['id']] + $answer;
    }
}
header('Content-Type: application/json');
echo json_encode(['items' => $answers], JSON_THROW_ON_ERROR);
