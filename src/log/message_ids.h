/* SPDX-License-Identifier: MIT */
/* MESSAGE_ID of each line that an operator or a program may want to find again; systemd.journal-fields(7).
 * Never reused. */
#ifndef WSD_LOG_MESSAGE_IDS_H
#define WSD_LOG_MESSAGE_IDS_H

#define LOG_ID_STARTED           "93188b8a66ce4c78913f469b3124790b"
#define LOG_ID_DRAINING          "5df1df3e9c6b4a07ad02dbf0d0543981"
#define LOG_ID_STOPPED           "d270eff4089d4db085e12a681bf62d73"
#define LOG_ID_BAD_CONFIG        "c7f035c9347f4aeebbc75a70bd12e94f"
#define LOG_ID_CONNECTION_OPENED "cc08a14ebe594bcbbf38a4235988aeea"
#define LOG_ID_CONNECTION_CLOSED "63b2626312d445aba125e378bd21bf3b"
#define LOG_ID_LIMIT_REACHED     "8b0112e8239346d1992ff8e422649f42"
#define LOG_ID_LOG_LEVEL         "5d5163891b124763be5d52934b0caab0"
#define LOG_ID_LINES_DROPPED     "8fd9bf7691514c00861f3f3124a5057f"
#define LOG_ID_PARKED            "d0be43ed66734fc181280d1ce75aaedf"
#define LOG_ID_TAKEN_UP          "daca7a12d76d48c9a79847e04b868c11"
#define LOG_ID_HANDED_OVER       "39572c4f0bfb48bcbb2c180c3a9ae1b9"
#define LOG_ID_STUCK             "e295e809dc3d4d3e8005374cbd20bff1"
#define LOG_ID_STOOD_STILL       "539b13fa57024d33b8ed5bc253688657"
#define LOG_ID_KEEPER            "c14851b7a24d4b489c1b13bc87302a2e"
#define LOG_ID_CRASHED           "78774809b8eb4d1eb78dd471548a3781"

/* wsctl's */
#define LOG_ID_DEPLOY_BEGUN "df1d72d0ab2c4371932377797be412aa"
#define LOG_ID_DEPLOY_STEP  "056393e5a15a423bb806828b10914969"
#define LOG_ID_DEPLOY_ENDED "92c49a054b7246a7a062325d529f878b"
#define LOG_ID_SWITCHED     "f55740998e0d44109ecc64373c86ea9c"

#endif
