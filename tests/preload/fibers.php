<?php
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
// Makes $argv[1] fibers and keeps them; then each goes on to its end. Prints KEY=VALUE.
$fibers = [];
$refused = '';
try {
    for ($n = 0; $n < (int) $argv[1]; $n++) {
        $fiber = new Fiber(fn () => Fiber::suspend($n) + 1);
        $fiber->start();
        $fibers[] = $fiber;
    }
} catch (Exception $e) {
    $refused = 'refused';
}
$maps = file('/proc/self/maps');
$library = (int) (bool) preg_grep('#/libmapherd\.so#', $maps);
printf("library=%d made=%d refused=%s maps=%d\n", $library, count($fibers), $refused, count($maps));
$resumed = 0;
foreach ($fibers as $n => $fiber) {
    $fiber->resume($n);
    $resumed += $fiber->isTerminated() && $fiber->getReturn() === $n + 1;
}
printf("resumed=%d\n", $resumed);
