/*
 * mapherd doctor: is this host ready, and if not, what would be right.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "command/host/examine.h"
#include "command/lib/verb.h"

static bool is_folder(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    errno = ENOTDIR;
    return S_ISDIR(st.st_mode);
}

static void examine_usual_folders(struct findings *f)
{
    static const char *const usual[] = { ".", "/dev/shm", "/tmp" };
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (is_folder(usual[i]))
            examine_folder(f, usual[i]);
}

static int doctor(int argc, char **argv)
{
    bool json = false;
    const struct flag flags[] = { { "json", &json, NULL }, { NULL, NULL, NULL } };
    struct findings f;
    char library[PATH_MAX];
    int folders = verb_args(&verb_doctor, flags, argc, argv);
    for (int i = 0; i < folders; i++)
        if (!is_folder(argv[i]))
            return misused(&verb_doctor, "%s: %s; give folders that hold mapped files", argv[i],
                           strerror(errno));
    findings_start(&f, json);
    examine_kernel(&f);
    examine_library(&f, library, sizeof library);
    if (folders == 0)
        examine_usual_folders(&f);
    for (int i = 0; i < folders; i++)
        examine_folder(&f, argv[i]);
    if (library[0])
        examine_jvms(&f, library);
    findings_end(&f);
    return f.problems ? FAILED : DONE;
}

const struct verb verb_doctor = {
    .name = "doctor",
    .synopsis = "[--json] [FOLDER...]",
    .summary = "say whether this host, its filesystems and JVMs are ready",
    .help =
        "Tries what the library needs: the kernel's calls, the library in a program, and in each\n"
        "folder (as a rule the current one, /dev/shm and /tmp) whether the parts of a file become\n"
        "one map. Each line begins with ok, note (something that could be better) or problem, and\n"
        "says what would be right. Exit status 1 if there is a problem.\n\n"
        "  --json  one JSON object\n",
    .run = doctor,
};
