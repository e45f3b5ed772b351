#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""An application with a pool of PostgreSQL connections: ADDRESS COUNT MODE.

MODE leak: takes every connection of the pool, begins a transaction on each and
gives none back. MODE slow: as many threads wait for a slow query. MODE work: threads borrow one for a short query and return it.
"""
import sys
import threading
import time

from psycopg2.pool import ThreadedConnectionPool


def work(pool, number):
    while True:
        conn = pool.getconn()
        with conn, conn.cursor() as cursor:
            cursor.execute("select pg_sleep(%s)", (1.5 if number % 3 == 0 else 0.01,))
        pool.putconn(conn)
        time.sleep(0.3 if number % 3 else 1)


def wait(pool):
    cursor = pool.getconn().cursor()
    cursor.execute("select 1")
    cursor.execute("select pg_sleep(60)")


def main():
    address, count, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with open("/proc/self/comm", "w", encoding="ascii") as comm:
        comm.write("shop")
    pool = ThreadedConnectionPool(count, count, host=address, dbname="postgres",
                                  user="postgres")
    if mode == "leak":
        for _ in range(count):
            pool.getconn().cursor().execute("select 1")  # begins a transaction
    elif mode == "slow":
        for _ in range(count):
            threading.Thread(target=wait, args=(pool,), daemon=True).start()
    else:
        for number in range(count):
            threading.Thread(target=work, args=(pool, number), daemon=True).start()
    print("ready", flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
