using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Orders;

/// <summary>
/// What the services of the order workflow keep, as one node offers it to the API in its process: stock, accounts, shipments. Orders themselves are sagas. Expected failures are results. Reads are
/// linearizable. To set a row replaces what is there, whatever orders are under way: what they put back later is added to it.
/// </summary>
public interface IOrderStore
{
    /// <summary>Makes an article, or sets its stock and its price.</summary>
    /// <param name="article">With a name of A-Z a-z 0-9 . _ - and a stock of 0 to <see cref="OrderLimits.MaxAvailable"/>.</param>
    /// <param name="idempotency">Makes a repeated request one; null for none.</param>
    /// <param name="timeout">Budget of the whole operation.</param>
    /// <param name="cancellationToken">The caller gave up: it may still happen.</param>
    Task<OrderAnswer<Article>> SetArticleAsync(Article article, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>One article; <see cref="Errors.ErrorCode.ArticleNotFound"/> when there is none.</summary>
    Task<OrderAnswer<Article>> FindArticleAsync(string sku, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Makes an account, or sets its balance.</summary>
    /// <param name="account">With a name of A-Z a-z 0-9 . _ -.</param>
    /// <param name="idempotency">Makes a repeated request one; null for none.</param>
    /// <param name="timeout">Budget of the whole operation.</param>
    /// <param name="cancellationToken">The caller gave up: it may still happen.</param>
    Task<OrderAnswer<Account>> SetAccountAsync(Account account, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>One account; <see cref="Errors.ErrorCode.AccountNotFound"/> when there is none.</summary>
    Task<OrderAnswer<Account>> FindAccountAsync(string id, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>The shipment of an order; <see cref="Errors.ErrorCode.ShipmentNotFound"/> when none was ever created.</summary>
    Task<OrderAnswer<Shipment>> FindShipmentAsync(string order, TimeSpan timeout, CancellationToken cancellationToken);
}
