# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Builds the targets of the fuzzers in a folder of their own:
#
#   make -f targets.mk OUT=FOLDER BUILD=FOLDER TREE=FOLDER [MAIN=libfuzzer]
#
# OUT gets them, BUILD was configured, TREE has the sources. With MAIN=libfuzzer, $(CLANG) builds them
# with libFuzzer, AddressSanitizer and UBSan; otherwise $(CC) with driver.c, and with these two if it has
# them.
TARGETS = cfi decode engine jitmap maps mounts options record spill
CLANG = clang
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=undefined
FLAGS = -std=gnu17 -Wall -Wextra -g -O1 -fno-strict-aliasing -fno-omit-frame-pointer -DLOCK_ORDER_CHECKED -MMD \
	-DBINDIR='"/usr/bin"' -DPKGLIBDIR='"/usr/lib/mapherd"' \
	-I$(BUILD) -I$(TREE)/src -I$(TREE)/include -I$(TREE)/tests/unit -I$(TREE)/tests/fuzz

ifeq ($(MAIN),libfuzzer)
compile = $(CLANG) $(FLAGS) $(SANITIZE) -fsanitize=fuzzer-no-link
link = $(CLANG) $(SANITIZE) -fsanitize=fuzzer
main =
else
has := $(shell mkdir -p $(OUT); echo 'int main(void) { return 0; }' >$(OUT)/try.c; \
	$(CC) $(SANITIZE) -o $(OUT)/try $(OUT)/try.c 2>/dev/null && $(OUT)/try && echo yes)
compile = $(CC) $(FLAGS) $(if $(has),$(SANITIZE))
link = $(CC) $(if $(has),$(SANITIZE))
main = $(OUT)/tests/fuzz/driver.o
endif

# The library but for its hooks, and of the command what reads maps, records and spill files. recover.c
# and report.c are parts of their targets.
library := $(shell cd $(TREE) && find src -name '*.c' ! -path 'src/command/*' ! -path 'src/entry/*') \
	$(patsubst %,src/entry/%.c,capabilities change call engine gate msync taken)
command = $(patsubst %,src/command/%.c,disk/spilled leaks/debuginfo leaks/groups leaks/interpreters \
	leaks/live leaks/record leaks/recording leaks/symbols lib/enough lib/place lib/print lib/reach lib/verb \
	report/report_data report/report_json report/report_words report/space watch/chosen watch/cold \
	watch/cure watch/given watch/pieces watch/processes watch/target)
subject = $(patsubst %.c,$(OUT)/%.o,$(library) $(command))
# The fake kernel is in front of the subject, whose sys.o is then not asked for.
fake = $(patsubst %,$(OUT)/tests/unit/%.o,fakesys fakespace world script)
libs = -lpthread -ldl $(shell grep -q 'define HAVE_LIBIBERTY' $(BUILD)/config.h && echo -liberty)

all: $(patsubst %,$(OUT)/%,$(TARGETS))

$(OUT)/%.o: $(TREE)/%.c
	@mkdir -p $(@D)
	@$(compile) -c -o $@ $<

$(OUT)/subject.a: $(subject)
	@rm -f $@
	@ar rcs $@ $^

# Records and spill files are read from the real kernel.
$(OUT)/record $(OUT)/spill: $(OUT)/%: $(OUT)/tests/fuzz/%.o $(main) $(OUT)/subject.a
	@$(link) -o $@ $^ $(libs)

$(OUT)/%: $(OUT)/tests/fuzz/%.o $(main) $(fake) $(OUT)/subject.a
	@$(link) -o $@ $^ $(libs)

.SECONDARY:
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
