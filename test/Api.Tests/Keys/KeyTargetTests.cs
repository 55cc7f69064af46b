using CsCheck;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;

namespace GrainDb.Api.Tests.Keys;

public sealed class KeyTargetTests
{
    [Theory]
    [InlineData("/v1/kv/orders/a/b", "orders", "a/b", true)]
    [InlineData("/v1/kv/orders/a%2Fb?ttl=60s", "orders", "a%2Fb", true)]
    [InlineData("/v1/kv/orders/../../admin/gc", "orders", "../../admin/gc", true)]
    [InlineData("/v1/kv/orders//", "orders", "/", true)]
    [InlineData("/v1/kv/orders/", "orders", "", true)]
    [InlineData("/v1/kv/orders", "orders", "", false)]
    [InlineData("/v1/kv/orders?prefix=a/b", "orders", "", false)]
    [InlineData("/v1/kv/", "", "", false)]
    [InlineData("/V1/KV/orders/A", "orders", "A", true)]
    [InlineData("/v1/history/orders/a?b", "orders", "a", true)]
    [InlineData("/v1/txn/0123/kv/orders/a/b", "orders", "a/b", true)]
    [InlineData("/v1/txn/0123/kv/orders/../../commit", "orders", "../../commit", true)]
    [InlineData("/v1/TXN/0123/KV/orders?prefix=a/b", "orders", "", false)]
    [InlineData("/v1/txn/../kv/orders/a", "orders", "a", true)]
    [InlineData("http://host:80/v1/kv/orders/a", "orders", "a", true)]
    [InlineData("http://host/v1/kv/orders/http://x?y", "orders", "http://x", true)]
    public void Keyspace_and_key_come_out_of_the_raw_target(string target, string keyspace, string key, bool hasKey)
    {
        Assert.True(KeyTarget.TryParse(target, out var parsed));
        Assert.Equal(keyspace, parsed.Keyspace.ToString());
        Assert.Equal(key, parsed.Key.ToString());
        Assert.Equal(hasKey, parsed.HasKey);
    }

    [Fact]
    public void The_transaction_comes_out_of_the_raw_target()
    {
        Assert.True(KeyTarget.TryParse("/v1/txn/01%2F23/kv/orders/a", out var parsed));
        Assert.Equal((KeyRoot.Transaction, "01%2F23"), (parsed.Root, parsed.Transaction.ToString()));
        Assert.True(KeyTarget.TryParse("/v1/kv/orders/a", out parsed));
        Assert.Equal((KeyRoot.Keys, ""), (parsed.Root, parsed.Transaction.ToString()));
    }

    [Theory]
    [InlineData("/v1/keyspaces/kv")]
    [InlineData("/v1/txn/0123/commit")]
    [InlineData("/v1/txn/0123/kv")]
    [InlineData("/v1/txn/kv/orders/a")]
    [InlineData("/v1/txn/0123//kv/orders/a")]
    [InlineData("/v1/txn/")]
    [InlineData("/v1/k%76/orders/a")]
    [InlineData("//v1/kv/orders/a")]
    [InlineData("*")]
    [InlineData("host:80")]
    [InlineData("http://v1/kv/a/b")]
    [InlineData("http://host?/v1/kv/a/b")]
    [InlineData("")]
    public void Other_targets_are_none(string target) => Assert.False(KeyTarget.TryParse(target, out _));

    [Theory]
    [InlineData("/v1/kv/o/plain", false)]
    [InlineData("/v1/kv/o/plain..", false)]
    [InlineData("/v1/kv/o/..", true)]
    [InlineData("/v1/kv/o/.hidden", true)]
    [InlineData("/v1/kv/o/a%2E", true)]
    [InlineData("/v1/kv/o//a", true)]
    public void What_the_server_would_change_is_rewritten_before_routing(string path, bool rewrite) => Assert.Equal(rewrite, KeyTarget.NeedsRewrite(path));

    [Fact]
    public void No_target_throws() => Gen.String["/v1kvhistory:?%.#*@ \u00e9"].Sample(target =>
    {
        _ = KeyTarget.TryParse(target, out var parsed);
        return parsed.Key.Length <= target.Length && RawTarget.Parse(target).Query.Length <= target.Length;
    });
}
