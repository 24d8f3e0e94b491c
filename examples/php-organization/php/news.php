<?php

declare(strict_types=1);

require_once __DIR__ . '/database.php';
require_once __DIR__ . '/gateway.php';

/** The organization as this user has it, with `role`; null for who is no member. */
function organization_of(int $userId, int $organizationId): ?array
{
    return row(
        'select organizations.id, organizations.name, members.role
         from organizations join members on members.organization_id = organizations.id
         where organizations.id = ? and members.user_id = ?',
        $organizationId,
        $userId,
    );
}

/** What of an item is shown; `?` is who looks at it. */
const ITEM = 'select news.id, news.title, news.body, users.name as author,
    to_char(published_at at time zone \'UTC\', \'YYYY-MM-DD"T"HH24:MI:SS"Z"\') as published_at,
    (select count(*) from seen where news_id = news.id) as seen,
    exists (select from seen where news_id = news.id and user_id = ?) as seen_by_me
    from news join users on users.id = news.author_id';

/** The newest first. */
function news_of(int $organizationId, int $userId): array
{
    return query(ITEM . ' where organization_id = ? order by news.id desc limit 20', $userId, $organizationId)
        ->fetchAll();
}

/** Keeps it, and then tells the room. */
function publish_news(int $organizationId, int $authorId, string $title, string $body): void
{
    $id = query(
        'insert into news (organization_id, author_id, title, body) values (?, ?, ?, ?) returning id',
        $organizationId,
        $authorId,
        $title,
        $body,
    )->fetchColumn();
    $item = row(ITEM . ' where news.id = ?', $authorId, $id);
    unset($item['seen_by_me']);
    try {
        emit_to_room('/news', "organization.$organizationId", 'news', $item);
    } catch (RedisException $error) {
        // It is kept: pages show it when they are loaded, or connect again.
        error_log($error->getMessage());
    }
}

/** Takes it back. Whoever has it on the screen should lose it, so the control API is asked, which answers. */
function withdraw_news(int $organizationId, int $id): void
{
    $deleted = query('delete from news where id = ? and organization_id = ?', $id, $organizationId)->rowCount();
    if ($deleted === 1) {
        try {
            publish_to_room('/news', "organization.$organizationId", 'news:withdrawn', ['id' => $id]);
        } catch (RuntimeException $error) {
            error_log($error->getMessage());
        }
    }
}

/** Notes that a member has seen it, and gives how many have; null for what he cannot see. */
function mark_seen(int $id, int $userId): ?array
{
    query(
        'insert into seen (news_id, user_id)
         select news.id, members.user_id from news join members using (organization_id)
         where news.id = ? and members.user_id = ? on conflict do nothing',
        $id,
        $userId,
    );
    return row(
        'select news.id, news.organization_id, count(*) as seen from news join seen on seen.news_id = news.id
         where news.id = ? and exists (select from seen where news_id = news.id and user_id = ?) group by news.id',
        $id,
        $userId,
    );
}
