/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * linked: what it finds, against dlsym. The subject is a part of this program, so what comes after
 * "this library" is what RTLD_NEXT says here.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <dlfcn.h>

#include "common/linked.h"

/* Every name that the library may ask for. */
static const char *const names[] = {
#define HOOK(name, type, parameters) #name,
#include "entry/hooks.def"
#undef HOOK
    "fileno", "fork", "malloc", "sigwait", "JNI_GetCreatedJavaVMs", "no_such_function", "",
};

static void the_next_is_that_of_dlsym(void **state)
{
    (void)state;
    unsigned found = 0;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        void *ours = linked_next(names[i]);
        assert_ptr_equal(ours, dlsym(RTLD_NEXT, names[i]));
        found += ours != NULL;
    }
    assert_true(found > 80);
}

/* The program's own comes first, and is not the next one. */
void *malloc_usable_here(void);
__attribute__((visibility("default"))) void *malloc_usable_here(void)
{
    return NULL;
}

static void the_program_is_not_behind_itself(void **state)
{
    (void)state;
    assert_null(linked_next("malloc_usable_here"));
}

static void any_is_what_is_loaded(void **state)
{
    (void)state;
    assert_ptr_equal(linked_any("cmocka_set_message_output"),
                     dlsym(RTLD_DEFAULT, "cmocka_set_message_output"));
    assert_non_null(linked_any("cmocka_set_message_output"));
    assert_null(linked_any("no_such_function"));
    void *library = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return;
    assert_non_null(linked_any("cbrt"));
    assert_ptr_equal(linked_any("cbrt"), dlsym(library, "cbrt"));
    dlclose(library);
}

static void libc_has_its_own(void **state)
{
    (void)state;
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    assert_non_null(libc);
    assert_ptr_equal(linked_libc("sigaction"), dlsym(libc, "sigaction"));
    assert_null(linked_libc("cmocka_set_message_output"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_is_that_of_dlsym),
        cmocka_unit_test(the_program_is_not_behind_itself),
        cmocka_unit_test(any_is_what_is_loaded),
        cmocka_unit_test(libc_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
