# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Makes ARGV[0] fibers and keeps them; then one overflows its stack. Prints KEY=VALUE.
count = ARGV.fetch(0).to_i
fibers = []
refused = ""
begin
  count.times do
    fiber = Fiber.new { Fiber.yield }
    fiber.resume
    fibers << fiber
  end
rescue FiberError, NoMemoryError => e
  refused = e.class.name
end
maps = File.foreach("/proc/self/maps").to_a
library = maps.any? { |line| line.include?("/libmapherd.so") } ? 1 : 0
puts "library=#{library} made=#{fibers.size} refused=#{refused} maps=#{maps.size}"
def deeper(n) = deeper(n + 1) + 1
overflow = begin
  Fiber.new { deeper(0) }.resume
rescue SystemStackError, FiberError => e
  e.class.name
end
puts "overflow=#{overflow}"
fibers.each(&:resume)
puts "resumed=#{fibers.count { |fiber| !fiber.alive? }}"
