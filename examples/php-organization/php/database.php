<?php

declare(strict_types=1);

/** The connection of this request. */
function database(): PDO
{
    static $pdo = null;
    return $pdo ??= new PDO(
        (string) getenv('DATABASE_DSN'),
        getenv('DATABASE_USER') ?: null,
        getenv('DATABASE_PASSWORD') ?: null,
        [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC],
    );
}

/** Values never become part of a statement: each is a `?` of it. */
function query(string $sql, mixed ...$values): PDOStatement
{
    $statement = database()->prepare($sql);
    $statement->execute($values);
    return $statement;
}

/** The first row, or null. */
function row(string $sql, mixed ...$values): ?array
{
    return query($sql, ...$values)->fetch() ?: null;
}
