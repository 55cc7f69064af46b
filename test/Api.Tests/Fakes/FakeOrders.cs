using GrainDb.Interfaces.Orders;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Fakes;

/// <summary>What the services of the order workflow keep, in memory.</summary>
internal sealed class FakeOrders : IOrderStore
{
    private readonly Dictionary<string, Article> _articles = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Account> _accounts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IdempotencyStamp> _stamps = new(StringComparer.Ordinal);

    public int Calls { get; private set; }

    public Failure? NextFailure { get; set; }

    public Dictionary<string, Shipment> Shipments { get; } = new(StringComparer.Ordinal);

    public Task<OrderAnswer<Article>> SetArticleAsync(Article article, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken) =>
        SetAsync(_articles, article.Sku, article, idempotency);

    public Task<OrderAnswer<Article>> FindArticleAsync(string sku, TimeSpan timeout, CancellationToken cancellationToken) => FindAsync(_articles, sku, ErrorCode.ArticleNotFound);

    public Task<OrderAnswer<Account>> SetAccountAsync(Account account, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken) =>
        SetAsync(_accounts, account.Id, account, idempotency);

    public Task<OrderAnswer<Account>> FindAccountAsync(string id, TimeSpan timeout, CancellationToken cancellationToken) => FindAsync(_accounts, id, ErrorCode.AccountNotFound);

    public Task<OrderAnswer<Shipment>> FindShipmentAsync(string order, TimeSpan timeout, CancellationToken cancellationToken) => FindAsync(Shipments, order, ErrorCode.ShipmentNotFound);

    private Task<OrderAnswer<T>> SetAsync<T>(Dictionary<string, T> rows, string key, T item, IdempotencyStamp? stamp)
        where T : class
    {
        Calls++;
        if (TakeFailure() is { } failure)
            return Task.FromResult(new OrderAnswer<T> { Failure = failure });
        if (stamp is not null && !_stamps.TryAdd(stamp.Key, stamp))
        {
            return Task.FromResult(_stamps[stamp.Key].RequestHash == stamp.RequestHash
                ? new OrderAnswer<T> { Item = item, IsNew = true, IsRepeated = true }
                : new OrderAnswer<T> { Failure = Failure.NotApplied(ErrorCode.IdempotencyMismatch, "The key was used for another request.") });
        }

        var isNew = !rows.ContainsKey(key);
        rows[key] = item;
        return Task.FromResult(new OrderAnswer<T> { Item = item, IsNew = isNew });
    }

    private Task<OrderAnswer<T>> FindAsync<T>(Dictionary<string, T> rows, string key, ErrorCode absent)
        where T : class
    {
        Calls++;
        return Task.FromResult(TakeFailure() is { } failure ? new OrderAnswer<T> { Failure = failure }
            : rows.TryGetValue(key, out var item) ? new OrderAnswer<T> { Item = item }
            : new OrderAnswer<T> { Failure = Failure.NotApplied(absent, "There is none.") });
    }

    private Failure? TakeFailure()
    {
        var failure = NextFailure;
        NextFailure = null;
        return failure;
    }
}
