import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hostOf, isPublicAddress, parseAllowList } from "../../functions/handlers/crawl_page/address.ts";

/** The networks that no public host may have, from IANA's special-purpose registries. */
const FORBIDDEN_IPV4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
] as const;

const toNumber = (address: string): number => address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
const toAddress = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
const hex = (value: number): string => `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;

const forbidden = fc.constantFrom(...FORBIDDEN_IPV4).chain((network) => {
  const [base, bits] = network.split("/") as [string, string];
  return fc.integer({ min: 0, max: 2 ** (32 - Number(bits)) - 1 }).map((offset) => toNumber(base) + offset);
});
const anyIpv4 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
const groups = (count: number) => fc.array(group, { minLength: count, maxLength: count }).map((each) => each.join(":"));

describe("the address guard", () => {
  it("refuses every IPv4 address of a special network, however a URL spells it", () => {
    const spellings = (value: number): string[] => [
      toAddress(value),
      String(value),
      `0x${value.toString(16)}`,
      `0${value.toString(8)}`,
      `${value >>> 24}.${value & 0xffffff}`,
      `0x${(value >>> 24).toString(16)}.${(value >>> 16) & 255}.${value & 0xffff}`,
      `${toAddress(value)}.`,
    ];
    fc.assert(
      fc.property(forbidden, (value) => {
        for (const host of spellings(value)) expect(isPublicAddress(hostOf(new URL(`http://${host}/`)))).toBe(false);
      }),
    );
  });

  it("refuses every IPv6 address that carries an IPv4 address, a public one too", () => {
    fc.assert(
      fc.property(anyIpv4, (value) => {
        const embedded = [
          `::ffff:${toAddress(value)}`,
          `::ffff:${hex(value)}`,
          `::${hex(value)}`,
          `::ffff:0:${hex(value)}`,
          `64:ff9b::${hex(value)}`,
          `64:ff9b:1::${hex(value)}`,
          `2002:${hex(value)}::1`,
          `2001:0:${hex(value)}::1`,
        ];
        for (const address of embedded) {
          expect(isPublicAddress(address)).toBe(false);
          expect(isPublicAddress(hostOf(new URL(`http://[${address}]/`)))).toBe(false);
        }
      }),
    );
  });

  it("refuses every IPv6 address outside of global unicast, and its special networks", () => {
    const prefixes = [
      "fc00",
      "fdff",
      "fe80",
      "febf",
      "fec0",
      "ff02",
      "100",
      "4000",
      "e000",
      "5f00",
      "2001:db8",
      "3fff",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...prefixes), groups(6), (prefix, rest) => {
        const tail = prefix === "3fff" ? `0${rest.slice(rest.indexOf(":"))}` : rest;
        const filled = prefix.includes(":") ? `${prefix}:${tail}` : `${prefix}:0:${tail}`;
        expect(isPublicAddress(filled.split(":").slice(0, 8).join(":"))).toBe(false);
      }),
    );
    for (const address of ["::", "::1", "fe80::1%eth0"]) expect(isPublicAddress(address)).toBe(false);
  });

  it("lets public addresses through", () => {
    for (const address of [
      "1.1.1.1",
      "93.184.216.34",
      "172.15.255.255",
      "172.32.0.0",
      "2606:4700::1111",
      "2a00:1450::1",
    ])
      expect(isPublicAddress(address)).toBe(true);
  });

  it("refuses what is no address", () => {
    fc.assert(fc.property(fc.string(), (text) => isPublicAddress(text) === false || /^[\d.a-fx:]+$/i.test(text)));
    for (const text of ["168.63.129.16", "", "localhost", "example.com", "1.1.1.1/8"])
      expect(isPublicAddress(text)).toBe(false);
  });
});

describe("the allow-list", () => {
  const isAllowed = parseAllowList([
    "Intranet.example:8080",
    "wiki.example",
    "127.0.0.1:4000",
    "[::1]:4000",
    "fd00::1",
  ]);

  it.each([
    "http://intranet.example:8080/page",
    "http://wiki.example/",
    "https://WIKI.example.:9000/",
    "http://127.0.0.1:4000/",
    "http://0x7f.1:4000/",
    "http://[0:0::1]:4000/",
    "http://[fd00::1]/",
  ])("allows %s", (url) => expect(isAllowed(new URL(url))).toBe(true));

  it.each([
    "http://intranet.example/",
    "https://intranet.example:8081/",
    "http://127.0.0.1:4001/",
    "http://localhost:4000/",
    "http://[::1]/",
    "http://not-wiki.example/",
  ])("does not allow %s", (url) => expect(isAllowed(new URL(url))).toBe(false));

  it.each(["http://wiki.example", "wiki.example/path", "a b", "user@host", "", "[::1"])(
    "refuses %j as an entry",
    (entry) => {
      expect(() => parseAllowList([entry])).toThrow(/FORGEQ_CRAWL_ALLOW/);
    },
  );
});
