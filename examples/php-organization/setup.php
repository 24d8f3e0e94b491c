<?php

// Makes the tables, two organizations and four users, and prints the users with new passwords.

declare(strict_types=1);

require __DIR__ . '/php/database.php';

database()->beginTransaction();
database()->exec((string) file_get_contents(__DIR__ . '/schema.sql'));

foreach (['acme' => 'Acme', 'globex' => 'Globex'] as $key => $name) {
    $organizations[$key] = query('insert into organizations (name) values (?) returning id', $name)->fetchColumn();
}
$users = [
    'alice' => ['acme' => 'editor'],
    'bob' => ['acme' => 'reader'],
    'carol' => ['globex' => 'editor'],
    'olga' => [],
];
foreach ($users as $name => $roles) {
    $password = bin2hex(random_bytes(9));
    $id = query(
        'insert into users (name, password_hash, admin) values (?, ?, ?) returning id',
        $name,
        password_hash($password, PASSWORD_DEFAULT),
        $name === 'olga' ? 'true' : 'false',
    )->fetchColumn();
    foreach ($roles as $organization => $role) {
        query('insert into members values (?, ?, ?)', $id, $organizations[$organization], $role);
    }
    $about = array_map(fn ($organization, $role) => "$role of $organization", array_keys($roles), $roles);
    echo sprintf("  %-6s %s  %s\n", $name, $password, implode(', ', $about) ?: 'admin');
}
database()->commit();
